"""Build the networks of keras.applications without weights, as backbone and pooling.

The backbone is a sub-model whose layers have Keras' names, by which weights are
matched. The weights are loaded later, from a file (`weight_files`) or a run folder.
"""

from __future__ import annotations

import functools
from typing import Any

import keras
from keras import layers, ops

from pawsight.errors import ModelError
from pawsight.models.applications import Application, Scaling
from pawsight.records import OpenSize

# ImageNet's statistics: for "torch" of pixels 0..1, RGB; for "caffe" of pixels 0..255.
# Source: keras.applications.imagenet_utils.preprocess_input.
_TORCH_MEAN, _TORCH_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)


class CaffeScaling(layers.Layer):
    """Conversion of RGB 0..255 to BGR minus ImageNet's mean, for networks trained in Caffe."""

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Scale images [B, H, W, 3]."""
        mean = keras.ops.convert_to_tensor(CAFFE_MEAN_BGR, dtype=images.dtype)
        return images[..., ::-1] - mean


def build_features(
    application: Application, image_size: OpenSize, policy: keras.DTypePolicy
) -> keras.Model:
    """Build a network up to its features: images 0..255 [B, H, W, 3] to float32 [B, F].

    Raises:
        ModelError: Keras cannot build it at this size.
    """
    images = keras.Input((*image_size, 3), name="images")
    default_policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)  # keras.applications has no argument for it
    try:
        network = getattr(keras.applications, application.class_name)(
            include_top=False, weights=None, input_shape=(*image_size, 3)
        )
    except ValueError as error:
        raise ModelError(
            f"Keras cannot build {application.name} for images of "
            f"{image_size[0]}x{image_size[1]} pixels: {error}"
        ) from error
    finally:
        keras.config.set_dtype_policy(default_policy)
    compute_groups_depthwise(network)
    features = pooled(network(_scaled(images, application.scaling)))
    return keras.Model(images, features, name=f"{application.name}_features")


def compute_groups_depthwise(model: keras.Model) -> None:
    """Compute convolutions with one group per channel by the equivalent depthwise operation.

    Keras compiles grouped convolutions with XLA, and compiled operations cannot be written as ONNX.

    Raises:
        ModelError: The model has groups of several channels.
    """
    for layer in model._flatten_layers():  # includes layers nested in other layers
        if not isinstance(layer, layers.Conv2D) or layer.groups == 1:
            continue
        if layer.kernel.shape[2] > 1:
            raise ModelError(
                f"{model.name} has grouped convolutions with several channels per group, which "
                f"cannot be written as ONNX.\nChoose another --model."
            )
        layer.convolution_op = functools.partial(_depthwise, layer)


def _depthwise(layer: layers.Conv2D, inputs: Any, kernel: Any) -> Any:
    return ops.depthwise_conv(
        inputs,
        ops.reshape(kernel, (*layer.kernel_size, layer.groups, -1)),
        strides=layer.strides,
        padding=layer.padding,
        data_format=layer.data_format,
        dilation_rate=layer.dilation_rate,
    )


def pooled(x: keras.KerasTensor) -> keras.KerasTensor:
    """Pool a feature map [B, h, w, C] to float32 [B, 2 C]: average and maximum."""
    # The average measures how much of a pattern is in an image, the maximum whether it is there.
    average = layers.GlobalAveragePooling2D(dtype="float32")(x)
    largest = layers.GlobalMaxPooling2D(dtype="float32")(x)
    return layers.Concatenate(dtype="float32", name="features")([average, largest])


def backbone_of(model: keras.Model) -> keras.Model:
    """Return the backbone within a model that `build_features` built, here or in `hub_networks`."""
    return next(layer for layer in model.layers if isinstance(layer, keras.Model))


def leaves(model: keras.Model) -> list[keras.Layer]:
    """Return the layers of a model in order, with sub-models replaced by their layers."""
    return [
        leaf
        for layer in model.layers
        for leaf in (leaves(layer) if isinstance(layer, keras.Model) else [layer])
    ]


def _scaled(images: keras.KerasTensor, scaling: Scaling) -> keras.KerasTensor:
    if scaling == "tf":
        return layers.Rescaling(1 / 127.5, offset=-1, dtype="float32")(images)
    if scaling == "torch":
        scale = [1 / 255 / deviation for deviation in _TORCH_DEVIATION]
        offset = [
            -mean / deviation for mean, deviation in zip(_TORCH_MEAN, _TORCH_DEVIATION, strict=True)
        ]
        return layers.Rescaling(scale, offset=offset, dtype="float32")(images)
    return CaffeScaling(dtype="float32")(images) if scaling == "caffe" else images
