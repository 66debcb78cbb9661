"""Build the networks of keras.applications without weights, as backbone and pooling.

The backbone is one sub-model with the layer names that Keras gave it, so that
weights find their place. No weights come with the build: they are read from a
file (`weight_files`) or from a run folder.
"""

from __future__ import annotations

import functools
from typing import Any

import keras
from keras import layers, ops

from pawsight.errors import ModelError
from pawsight.models.applications import Application, Scaling
from pawsight.records import OpenSize

# ImageNet's own, RGB; "torch" of 0..1, "caffe" of 0..255. Source: keras.applications'
# imagenet_utils.preprocess_input.
_TORCH_MEAN, _TORCH_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)


class CaffeScaling(layers.Layer):
    """RGB 0..255 to BGR less ImageNet's mean, as the networks first trained in Caffe take it."""

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Scale images [B, H, W, 3]."""
        mean = keras.ops.convert_to_tensor(CAFFE_MEAN_BGR, dtype=images.dtype)
        return images[..., ::-1] - mean


def build_features(
    application: Application, image_size: OpenSize, policy: keras.DTypePolicy
) -> keras.Model:
    """Build a network up to its features: images 0..255 [B, H, W, 3] to float32 [B, F].

    Raises:
        ModelError: Keras does not build it at this size.
    """
    images = keras.Input((*image_size, 3), name="images")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)  # its builders take none
    try:
        network = getattr(keras.applications, application.class_name)(
            include_top=False, weights=None, input_shape=(*image_size, 3)
        )
    except ValueError as error:
        raise ModelError(
            f"Keras does not build {application.name} for images of "
            f"{image_size[0]}x{image_size[1]} pixels: {error}"
        ) from error
    finally:
        keras.config.set_dtype_policy(before)
    compute_groups_depthwise(network)
    features = pooled(network(_scaled(images, application.scaling)))
    return keras.Model(images, features, name=f"{application.name}_features")


def compute_groups_depthwise(model: keras.Model) -> None:
    """Compute convolutions with a group for each channel as depthwise ones, which they are.

    Keras compiles convolutions in groups by XLA, and what XLA compiled cannot be written as ONNX.

    Raises:
        ModelError: There are groups of several channels.
    """
    for layer in model._flatten_layers():  # those inside of layers, too
        if not isinstance(layer, layers.Conv2D) or layer.groups == 1:
            continue
        if layer.kernel.shape[2] > 1:
            raise ModelError(
                f"{model.name} has convolutions in groups of several channels, which cannot be "
                f"written as ONNX.\nChoose another --model."
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
    """Pool a map of features [B, h, w, C] to float32 [B, 2 C]: average and maximum."""
    # How much of a thing there is, and whether it is there at all.
    average = layers.GlobalAveragePooling2D(dtype="float32")(x)
    largest = layers.GlobalMaxPooling2D(dtype="float32")(x)
    return layers.Concatenate(dtype="float32", name="features")([average, largest])


def backbone_of(model: keras.Model) -> keras.Model:
    """Return the sub-model inside a model that was built here or in `hub_networks`."""
    return next(layer for layer in model.layers if isinstance(layer, keras.Model))


def leaves(model: keras.Model) -> list[keras.Layer]:
    """Return the layers of a model in order, those of sub-models in their place."""
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
        offset = [-m / d for m, d in zip(_TORCH_MEAN, _TORCH_DEVIATION, strict=True)]
        return layers.Rescaling(scale, offset=offset, dtype="float32")(images)
    return CaffeScaling(dtype="float32")(images) if scaling == "caffe" else images
