"""swift: a compact residual network with batch normalisation and global pooling.

A stride-2 stem, then residual blocks of 64, 128, 256 and 256 channels: 2.39
million parameters with two classes. Global average pooling makes it fit any
image size. Blocks follow arXiv:1512.03385; the shortcut of a downsampling
block averages before its 1x1 convolution (ResNet-D, arXiv:1812.01187), so that
it drops no pixel. Channels are multiples of 32, where CPU kernels are fastest.
"""

from __future__ import annotations

import keras
from keras import layers

from pawsight.models.normalization import FusedBatchNormalization

_STEM_CHANNELS = 32
_BLOCKS = ((64, 2), (128, 2), (256, 2), (256, 1))  # (channels, stride)
_BATCH_NORM_MOMENTUM = 0.9  # short runs: the averages must follow within 50 steps


def build(num_classes: int, image_size: tuple[int, int], policy: keras.DTypePolicy) -> keras.Model:
    """Build the network; see `registry.build_model` for shapes and ranges."""
    images = keras.Input((*image_size, 3), name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1, dtype=policy)(images)
    x = _normalised(_convolution(x, _STEM_CHANNELS, policy, strides=2), policy)
    x = layers.ReLU(dtype=policy)(x)
    for channels, strides in _BLOCKS:
        x = _residual_block(x, channels, strides, policy)
    x = layers.GlobalAveragePooling2D(dtype="float32")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="swift")


def _residual_block(
    x: keras.KerasTensor, channels: int, strides: int, policy: keras.DTypePolicy
) -> keras.KerasTensor:
    y = _normalised(_convolution(x, channels, policy, strides), policy)
    y = layers.ReLU(dtype=policy)(y)
    # Starting the last scale at 0 makes each block the identity at first (arXiv:1706.02677, 5.1).
    y = _normalised(_convolution(y, channels, policy), policy, gamma_initializer="zeros")
    if strides > 1:
        x = layers.AveragePooling2D(strides, padding="same", dtype=policy)(x)
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


def _normalised(
    x: keras.KerasTensor, policy: keras.DTypePolicy, gamma_initializer: str = "ones"
) -> keras.KerasTensor:
    return FusedBatchNormalization(
        momentum=_BATCH_NORM_MOMENTUM, gamma_initializer=gamma_initializer, dtype=policy
    )(x)
