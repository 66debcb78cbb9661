"""Rebuild a network from layers of Keras alone: what computes the same takes the place of ours."""

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

# Our own layers, and those of Keras that compute the same.
_PLAIN: dict[type[keras.Layer], type[keras.Layer]] = {
    FusedBatchNormalization: layers.BatchNormalization,
    FrozenDepthwiseConv2D: layers.DepthwiseConv2D,
    FastReLU6: layers.ReLU,
}


def plain_network(trained: keras.Model) -> keras.Model:
    """Build a network anew without layers of ours, with its weights; its leaves keep their order.

    Layers of packages other than Keras stay as they are.
    """
    network = keras.models.clone_model(trained, clone_function=_plain, recursive=True)
    for layer, plain in zip(leaves(trained), leaves(network), strict=True):
        if isinstance(layer, CaffeScaling):
            plain.set_weights(_caffe_weights())
        elif layer.weights:
            plain.set_weights(layer.get_weights())
    compute_groups_depthwise(network)  # LiteRT, too, cannot hold what XLA compiled
    return network


def _plain(layer: keras.Layer) -> keras.Layer:
    for own, plain in _PLAIN.items():
        if isinstance(layer, own):
            return plain.from_config(layer.get_config())
    if isinstance(layer, CaffeScaling):  # which reorders the colours, as a convolution can
        return layers.Conv2D(3, 1, dtype="float32", name=layer.name)
    return type(layer).from_config(layer.get_config())


def _caffe_weights() -> list[np.ndarray]:
    reversed_colours = np.eye(3, dtype=np.float32)[::-1].reshape(1, 1, 3, 3)
    return [reversed_colours, -np.array(CAFFE_MEAN_BGR, np.float32)]
