"""Rebuild the model from layers of Keras alone, so that loading it needs no pawsight.

It includes the calibrated probabilities: images, float32 [N, H, W, 3] with values
0..255, to {"logits": [N, K], "probabilities": [N, K]}.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from pawsight.errors import ModelError
from pawsight.exporting.model_folder import ModelFolder
from pawsight.models.builtin.layers import FastReLU6, FrozenDepthwiseConv2D
from pawsight.models.normalization import FusedBatchNormalization
from pawsight.models.onnx_convert import columns
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
# Whose layers a model file may name; KerasHub's own networks need it where they are loaded.
_KNOWN_PACKAGES = ("keras", "keras_hub")


def plain_model(model: ModelFolder) -> keras.Model:
    """Build the model from layers of Keras, with its weights.

    Raises:
        RunError: The model is damaged, or is the shipped one, which has no Keras weights.
        ModelError: model.json names an architecture that does not exist here, or the network has
            layers that Keras alone cannot load.
    """
    trained = model.load_keras()
    network = keras.models.clone_model(trained, clone_function=_plain, recursive=True)
    for found, plain in zip(leaves(trained), leaves(network), strict=True):
        if isinstance(found, CaffeScaling):
            plain.set_weights(_caffe_weights())
        elif found.weights:
            plain.set_weights(found.get_weights())
    compute_groups_depthwise(network)  # LiteRT, too, cannot hold what XLA compiled
    images = keras.Input((*model.description.image_size, 3), name="images")
    logits = columns(network(images))
    calibrated = layers.Rescaling(1 / model.description.temperature, name="calibrated")(logits)
    outputs = {
        "logits": layers.Identity(name="all_logits")(logits),
        "probabilities": layers.Softmax(name="probabilities")(calibrated),
    }
    whole = keras.Model(images, outputs, name="pawsight")
    _check_plain(whole)
    return whole


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


def _check_plain(model: keras.Model) -> None:
    modules = {type(layer).__module__ for layer in leaves(model)}
    others = sorted(name for name in modules if name.partition(".")[0] not in _KNOWN_PACKAGES)
    if others:
        raise ModelError(
            f"This network has layers that Keras alone cannot load (from {', '.join(others)}).\n"
            f"Export it with --format onnx."
        )
