"""Rebuild a network with Keras layers instead of pawsight's own layers."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from pawsight.models.builtin.layers import FastReLU6, FrozenDepthwiseConv2D
from pawsight.models.normalization import FusedBatchNormalization
from pawsight.models.pretrained import (
    CAFFE_MEAN_BGR,
    CaffeScaling,
    compute_groups_depthwise,
    leaves,
)

# pawsight's layers, and the Keras layers that compute the same.
_KERAS_LAYERS: dict[type[keras.Layer], type[keras.Layer]] = {
    FusedBatchNormalization: layers.BatchNormalization,
    FrozenDepthwiseConv2D: layers.DepthwiseConv2D,
    FastReLU6: layers.ReLU,
}


def plain_network(trained: keras.Model) -> keras.Model:
    """Return a copy of a network, with its weights, that has no layers of pawsight.

    The order of `leaves` is the same. Layers of other packages are copied unchanged.
    """
    network = keras.models.clone_model(trained, clone_function=_plain_layer, recursive=True)
    for layer, plain in zip(leaves(trained), leaves(network), strict=True):
        if isinstance(layer, CaffeScaling):
            plain.set_weights(_caffe_weights())
        elif layer.weights:
            plain.set_weights(layer.get_weights())
    compute_groups_depthwise(network)  # LiteRT cannot contain operations compiled by XLA
    return network


def _plain_layer(layer: keras.Layer) -> keras.Layer:
    if isinstance(layer, CaffeScaling):  # a 1 x 1 convolution computes the same
        return layers.Conv2D(3, 1, dtype="float32", name=layer.name)
    for pawsight_layer, keras_layer in _KERAS_LAYERS.items():
        if isinstance(layer, pawsight_layer):
            return keras_layer.from_config(layer.get_config())
    return type(layer).from_config(layer.get_config())


def _caffe_weights() -> list[np.ndarray]:
    """Return kernel and bias of the convolution that replaces `CaffeScaling`."""
    reversed_colours = np.eye(3, dtype=np.float32)[::-1].reshape(1, 1, 3, 3)
    return [reversed_colours, -np.array(CAFFE_MEAN_BGR, np.float32)]
