"""Build the network of the Colab script, layer by layer as it was published.

Conv 32, 64, 128 (3x3, relu, valid), each with 2x2 max pooling, Flatten,
Dense 256 relu, and one output for two classes or K for more: 9,563,713
parameters at 150x150 with two classes. The script's rescale 1/255 is its first
layer, and its sigmoid (softmax) is left to the loss, which needs the logits.

Here, relu comes after max pooling. Both orders give the same outputs and
gradients bit by bit, and relu has a quarter of the values to compute.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pawsight.config import AugmentConfig
from pawsight.models.network import Network
from pawsight.models.recipe import Recipe
from pawsight.records import OpenSize

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class Colab(Network):
    """The network of the Colab script."""

    can_mirror: ClassVar[bool] = False  # it stays the network of the script

    def build_layers(
        self, num_classes: int, image_size: OpenSize, policy: keras.DTypePolicy
    ) -> keras.Model:
        """Connect the layers: logits [B, K], or [B, 1] for two classes."""
        import keras
        from keras import layers

        images = keras.Input((*image_size, 3), name="images")
        x = layers.Rescaling(1 / 255, dtype=policy)(images)
        for filters in (32, 64, 128):
            x = layers.Conv2D(filters, 3, dtype=policy)(x)
            x = layers.MaxPooling2D(dtype=policy)(x)
            x = layers.ReLU(dtype=policy)(x)
        x = layers.Flatten(dtype=policy)(x)
        x = layers.Dense(256, activation="relu", dtype=policy)(x)
        num_outputs = 1 if num_classes == 2 else num_classes
        logits = layers.Dense(num_outputs, dtype="float32", name="logits")(x)
        return keras.Model(images, logits, name="colab")


NETWORK = Colab(
    name="colab",
    summary="The Colab script's own network: three convolutions and a dense layer of 256.",
    image_size=(150, 150),
    min_side=22,
    # The script's own settings: Keras' Adam at its default rate, no schedule.
    recipe=Recipe(
        optimizer="adam",
        learning_rate=1e-3,
        schedule="constant",
        batch_size=32,
        least_batch_size=32,
        label_smoothing=0.0,
        augment=AugmentConfig(shear_range=0.2, zoom_range=0.2, horizontal_flip=True),
        epochs=10,
        minutes=10,
    ),
)
