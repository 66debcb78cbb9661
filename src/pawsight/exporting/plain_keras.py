"""Rebuild a model from Keras layers, so that it can be loaded without pawsight.

The result includes the calibration: images, float32 [N, H, W, 3], 0..255, to
{"logits": [N, K], "probabilities": [N, K]}.
"""

from __future__ import annotations

import keras
from keras import layers

from pawsight.errors import ModelError
from pawsight.exporting.model_folder import ModelFolder
from pawsight.models.onnx_convert import columns
from pawsight.models.plain_layers import plain_network
from pawsight.models.pretrained import leaves

# Packages whose layers a model file may have; networks of KerasHub need it to be loaded.
_KNOWN_PACKAGES = ("keras", "keras_hub")


def plain_model(model: ModelFolder) -> keras.Model:
    """Build the model from Keras layers, with its weights.

    Raises:
        RunError: The model is damaged, or is the shipped model, which has no Keras weights.
        ModelError: model.json names an unknown network, or the network has custom layers, which
            Keras alone cannot load.
    """
    network = plain_network(model.load_keras())
    images = keras.Input((*model.description.image_size, 3), name="images")
    logits = columns(network(images))
    calibrated = layers.Rescaling(1 / model.description.temperature, name="calibrated")(logits)
    outputs = {
        "logits": layers.Identity(name="all_logits")(logits),
        "probabilities": _activation(model)(calibrated),
    }
    whole = keras.Model(images, outputs, name="pawsight")
    _check_plain(whole)
    return whole


def _activation(model: ModelFolder) -> keras.Layer:
    if model.description.labelling.is_multi_label:
        return layers.Activation("sigmoid", name="probabilities")
    return layers.Softmax(name="probabilities")


def _check_plain(model: keras.Model) -> None:
    modules = {type(layer).__module__ for layer in leaves(model)}
    others = sorted(name for name in modules if name.partition(".")[0] not in _KNOWN_PACKAGES)
    if others:
        raise ModelError(
            f"This network has layers that Keras alone cannot load (from {', '.join(others)}).\n"
            f"Export it with --format onnx."
        )
