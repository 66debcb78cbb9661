"""swift: a compact residual network with batch normalisation and global pooling.

A stride-2 stem, then residual blocks of 64, 128, 256 and 256 channels: 2.39
million parameters with two classes. Global average pooling makes it fit any
image size. Blocks follow arXiv:1512.03385, but every further halving is a max
pooling before the block instead of a stride within it, as in the networks that
are trained fastest from scratch (arXiv:2404.00498). Channels are multiples of 32,
whole vectors of the processor.
"""

from __future__ import annotations

import keras
from keras import layers

from pawsight.models.normalization import FusedBatchNormalization

_STEM_CHANNELS = 32
_BLOCKS = ((64, True), (128, True), (256, True), (256, False))  # (channels, halved before)
_BATCH_NORM_MOMENTUM = 0.9  # short runs: the averages must follow within 50 steps


def build(
    num_classes: int, image_size: tuple[int | None, int | None], policy: keras.DTypePolicy
) -> keras.Model:
    """Build the network; see `registry.build_model` for shapes and ranges."""
    images = keras.Input((*image_size, 3), name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1, dtype=policy)(images)
    x = _normalised(_convolution(x, _STEM_CHANNELS, policy, strides=2), policy)
    x = layers.ReLU(dtype=policy)(x)
    for channels, is_halved in _BLOCKS:
        if is_halved:
            x = layers.MaxPooling2D(2, padding="same", dtype=policy)(x)
        x = _residual_block(x, channels, policy)
    x = layers.GlobalAveragePooling2D(dtype="float32")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="swift")


def _residual_block(
    x: keras.KerasTensor, channels: int, policy: keras.DTypePolicy
) -> keras.KerasTensor:
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
    return FusedBatchNormalization(momentum=_BATCH_NORM_MOMENTUM, dtype=policy)(x)
