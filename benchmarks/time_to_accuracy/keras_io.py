"""keras.io "image classification from scratch", re-written in our own words, on TensorFlow.

Kept as published for Keras 3: 180x180 pixels, batches of 128, horizontal flips
and small rotations, the small Xception network, Adam at 3e-4, binary
cross-entropy on logits, 25 epochs. Left out: the download, the removal of
photos without "JFIF", and a checkpoint an epoch. Changed: the parts are the
folders train/ and validation/ instead of a random fifth; the metric cuts the
logit at 0, where the two answers meet, and the published one at 0.5; and
TensorFlow's own kernels run instead of XLA, which Keras chooses by itself:
meant in the script's favour, since XLA is slow to compile for a processor.
Source: keras.io/examples/vision/image_classification_from_scratch.

    python keras_io.py FOLDER [EPOCHS]      FOLDER holds train/ and validation/
"""

import sys

import keras
from keras import layers
from tensorflow import data as tf_data

IMAGE_SIZE = (180, 180)
BATCH_SIZE = 128


def build_network(image_size: tuple[int, int] = IMAGE_SIZE, num_outputs: int = 1) -> keras.Model:
    """The small Xception of the page: images 0..255 in, the logit of the second class out.

    Args:
        image_size: (height, width) in pixels.
        num_outputs: 1 for two classes; more classes have a logit each.
    """
    images = keras.Input((*image_size, 3))
    x = layers.Rescaling(1 / 255)(images)
    x = layers.Conv2D(128, 3, strides=2, padding="same")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    for filters in (256, 512, 728):
        shortcut = layers.Conv2D(filters, 1, strides=2, padding="same")(x)
        for _ in range(2):
            x = layers.Activation("relu")(x)
            x = layers.SeparableConv2D(filters, 3, padding="same")(x)
            x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        x = layers.add([x, shortcut])
    x = layers.SeparableConv2D(1024, 3, padding="same")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.25)(x)
    return keras.Model(images, layers.Dense(num_outputs)(x))


def load_parts(folder: str) -> tuple[tf_data.Dataset, tf_data.Dataset]:
    """Training photos, shuffled and changed at random, and validation photos as they are."""
    train, validation = (
        keras.utils.image_dataset_from_directory(
            f"{folder}/{part}", image_size=IMAGE_SIZE, batch_size=BATCH_SIZE, seed=1337
        )
        for part in ("train", "validation")
    )
    changes = [layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)]

    def augment(images, labels):
        for change in changes:
            images = change(images)
        return images, labels

    train = train.map(augment, num_parallel_calls=tf_data.AUTOTUNE)
    return train.prefetch(tf_data.AUTOTUNE), validation.prefetch(tf_data.AUTOTUNE)


def main() -> None:
    folder = sys.argv[1]
    epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 25
    train, validation = load_parts(folder)
    model = build_network(IMAGE_SIZE)
    model.compile(
        optimizer=keras.optimizers.Adam(3e-4),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)],
        jit_compile=False,
    )
    model.fit(train, epochs=epochs, validation_data=validation, verbose=2)


if __name__ == "__main__":
    main()
