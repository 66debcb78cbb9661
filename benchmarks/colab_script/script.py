"""The Colab script, re-written in our own words, with its import repaired for Keras 3.

Kept as it was: the generator and its settings, the network, run_eagerly, ten
epochs. Left out: mounting Google Drive. Added: the folder and the number of
epochs as arguments, and one line of JSON at the end.

    python script.py FOLDER [EPOCHS]      FOLDER holds train/ and validation/
"""

import json
import sys
import time

started = time.perf_counter()

# The script has: from keras.preprocessing.image import ImageDataGenerator (gone in Keras 3).
from keras.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D  # noqa: E402
from keras.models import Sequential  # noqa: E402
from keras.src.legacy.preprocessing.image import ImageDataGenerator  # noqa: E402

folder = sys.argv[1]
epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 10

train_generator = ImageDataGenerator(
    rescale=1.0 / 255, shear_range=0.2, zoom_range=0.2, horizontal_flip=True
).flow_from_directory(f"{folder}/train", target_size=(150, 150), batch_size=32, class_mode="binary")
validation_generator = ImageDataGenerator(rescale=1.0 / 255).flow_from_directory(
    f"{folder}/validation", target_size=(150, 150), batch_size=32, class_mode="binary"
)

model = Sequential(
    [
        Input((150, 150, 3)),
        Conv2D(32, (3, 3), activation="relu"),
        MaxPooling2D((2, 2)),
        Conv2D(64, (3, 3), activation="relu"),
        MaxPooling2D((2, 2)),
        Conv2D(128, (3, 3), activation="relu"),
        MaxPooling2D((2, 2)),
        Flatten(),
        Dense(256, activation="relu"),
        Dense(1, activation="sigmoid"),
    ]
)
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"], run_eagerly=True)
history = model.fit(
    train_generator, epochs=epochs, validation_data=validation_generator, verbose=2
).history

print(
    json.dumps(
        {
            "seconds": time.perf_counter() - started,
            "train_accuracy": history["accuracy"],
            "validation_accuracy": history["val_accuracy"],
        }
    )
)
