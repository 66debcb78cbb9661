"""swift: a compact residual network with batch normalisation and global pooling.

A stride-2 stem, then residual blocks of 64, 128, 256 and 256 channels: 2.39
million parameters with two classes. Because of global average pooling, it accepts
any image size. Blocks follow arXiv:1512.03385, but downsample by max pooling before
the block instead of a stride within it, as networks do that train fastest from
scratch (arXiv:2404.00498). Channels are multiples of 32, so that they fill the
vector registers of a processor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pawsight.config import AugmentConfig
from pawsight.models.network import Network
from pawsight.models.recipe import Recipe, Sizes
from pawsight.records import OpenSize

if TYPE_CHECKING:
    import keras

_STEM_CHANNELS = 32
_BLOCKS = ((64, True), (128, True), (256, True), (256, False))  # (channels, halved before)
_BATCH_NORM_MOMENTUM = 0.9  # low, so that the averages follow within 50 steps


@dataclass(frozen=True, kw_only=True)
class Swift(Network):
    """A compact residual network."""

    def build_layers(
        self, num_classes: int, image_size: OpenSize, policy: keras.DTypePolicy
    ) -> keras.Model:
        """Connect the layers: logits [B, K]."""
        import keras

        images = keras.Input((*image_size, 3), name="images")
        return keras.Model(images, self.connect(images, num_classes, policy), name=self.name)

    def connect(
        self,
        images: keras.KerasTensor,
        num_classes: int,
        policy: keras.DTypePolicy,
        output: str = "logits",
    ) -> keras.KerasTensor:
        """Connect the layers to images [B, H, W, 3], and return logits [B, K].

        Args:
            images: Values 0..255.
            num_classes: K.
            policy: Of the layers before the logits.
            output: Name of the last layer.
        """
        from keras import layers

        x = layers.Rescaling(1 / 127.5, offset=-1, dtype=policy)(images)
        x = _normalised(_convolution(x, _STEM_CHANNELS, policy, strides=2), policy)
        x = layers.ReLU(dtype=policy)(x)
        for channels, is_halved in _BLOCKS:
            if is_halved:
                x = layers.MaxPooling2D(2, padding="same", dtype=policy)(x)
            x = _residual_block(x, channels, policy)
        x = layers.GlobalAveragePooling2D(dtype="float32")(x)
        logits: keras.KerasTensor = layers.Dense(num_classes, dtype="float32", name=output)(x)
        return logits


def _residual_block(
    x: keras.KerasTensor, channels: int, policy: keras.DTypePolicy
) -> keras.KerasTensor:
    from keras import layers

    y = _normalised(_convolution(x, channels, policy), policy)
    y = layers.ReLU(dtype=policy)(y)
    y = _normalised(_convolution(y, channels, policy), policy)
    if x.shape[-1] != channels:
        x = _normalised(_convolution(x, channels, policy, kernel_size=1), policy)
    return layers.ReLU(dtype=policy)(layers.Add(dtype=policy)([x, y]))


def _convolution(
    x: keras.KerasTensor,
    channels: int,
    policy: keras.DTypePolicy,
    strides: int = 1,
    kernel_size: int = 3,
) -> keras.KerasTensor:
    from keras import layers

    return layers.Conv2D(
        channels,
        kernel_size,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        dtype=policy,
    )(x)


def _normalised(x: keras.KerasTensor, policy: keras.DTypePolicy) -> keras.KerasTensor:
    from pawsight.models.normalization import FusedBatchNormalization

    return FusedBatchNormalization(momentum=_BATCH_NORM_MOMENTUM, dtype=policy)(x)


NETWORK = Swift(
    name="swift",
    summary="Residual network of 2.4 million parameters, trained from scratch.",
    image_size=(160, 160),
    min_side=16,
    fits_any_size=True,
    # Chosen by experiments, which benchmarks/time_to_accuracy/LOG.md lists.
    recipe=Recipe(
        optimizer="muon",
        learning_rate=0.12,
        schedule="linear",
        batch_size=128,
        label_smoothing=0.1,
        augment=AugmentConfig(crop_range=(0.35, 1.0), crop_stretch=1.15, horizontal_flip=True),
        epochs=None,
        minutes=10,
        # Of 160 pixels: 64, 96, 128 and in long runs 144, in short runs 48, 64. Objects are larger
        # in random crops than in whole photos, so the finished model is more accurate on photos
        # that are larger than its last crops (arXiv:1906.06423): at 160, 144 and 80 pixels.
        sizes=(
            Sizes(8, ((0.5, 0.4), (0.8, 0.6), (0.92, 0.8), (1.0, 0.9))),
            Sizes(1.2, ((0.5, 0.4), (0.8, 0.6), (1.0, 0.8)), finished=0.9),
            Sizes(0, ((0.5, 0.3), (1.0, 0.4)), finished=0.5),
        ),
        grows_stronger=True,
    ),
)
