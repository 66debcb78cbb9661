"""Build the shipped model as a Keras network, to fine-tune and to export.

Its layers are built from the nodes of the ONNX file, which has few types of nodes,
and take their weights from it. Batch normalisation is folded into the convolutions
of this file, so that its statistics cannot change in training.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
from keras import layers

from pawsight.errors import ModelError
from pawsight.models import builtin
from pawsight.models.builtin.layers import FastReLU6, FrozenDepthwiseConv2D
from pawsight.models.onnx_graph import initializers, load_onnx
from pawsight.records import OpenSize

_Arrays = dict[str, np.ndarray]
# Not fine-tuned: the first convolution takes the most time, since its maps are the largest, and
# detects edges and colours, which all photos have.
_FROZEN = ("stem",)
# Layers that have a variant for fine-tuning.
_TUNED: dict[type[layers.Layer], type[layers.Layer]] = {
    layers.DepthwiseConv2D: FrozenDepthwiseConv2D,
    layers.ReLU: FastReLU6,
}
_LayerAndWeights = tuple[Any, list[np.ndarray]]


def build_features(
    image_size: OpenSize,
    policy: keras.DTypePolicy,
    path: Path | None = None,
    is_tuned: bool = False,
) -> keras.Model:
    """Build the network up to its features, with the shipped weights.

    Args:
        image_size: (height, width) in pixels, at least 32 each.
        policy: Of the convolutions; the features are always float32.
        path: The model.onnx of a run that was trained from the shipped model, for
            its weights; None takes the shipped weights.
        is_tuned: Freeze the first and the depthwise convolutions, and use layers
            with fast gradients; see `builtin.layers`.

    Returns:
        A model from float32 images [B, H, W, 3], 0..255 (it includes their
        scaling), to float32 features [B, 1280].
    """
    graph = load_onnx(path or builtin.onnx_path()).graph
    arrays = initializers(graph)
    images = keras.Input((*image_size, 3), name="images")
    tensors: dict[str, Any] = {"images": images}
    built: list[_LayerAndWeights] = []
    for node in graph.node:
        (output,) = node.output
        if node.op_type == "Cast":  # a weight is stored as float16
            arrays[output] = arrays[node.input[0]].astype(np.float32)
            continue
        layer, weights = _layer(node, arrays, policy)
        if is_tuned:
            layer = _tuned(layer)
        inputs = [tensors[name] for name in node.input if name in tensors]
        tensors[output] = layer(inputs[0] if len(inputs) == 1 else inputs)
        built.append((layer, weights))
        if output == "features":
            break
    for layer, weights in built:
        if weights:
            layer.set_weights(weights)
    return keras.Model(images, tensors["features"], name="builtin")


def load_whole(path: Path, image_size: tuple[int, int]) -> keras.Model:
    """Build a run's model with all its weights from its ONNX file.

    Args:
        path: The model.onnx: the shipped network with the run's last layer.
        image_size: (height, width) in pixels.

    Returns:
        A model from float32 images [B, H, W, 3], 0..255, to logits [B, K].
    """
    features = build_features(image_size, keras.DTypePolicy("float32"), path)
    graph = load_onnx(path).graph
    arrays = initializers(graph)
    kernel, bias = (arrays[name] for name in graph.node[-1].input[1:])
    last = layers.Dense(kernel.shape[1], name="logits")
    model = keras.Model(features.input, last(features.output), name="builtin")
    last.set_weights([kernel, bias])
    return model


def _tuned(layer: layers.Layer) -> layers.Layer:
    """Return the variant of a layer for fine-tuning."""
    if type(layer) in _TUNED:
        layer = _TUNED[type(layer)].from_config(layer.get_config())
    layer.trainable = layer.name not in _FROZEN and not isinstance(layer, FrozenDepthwiseConv2D)
    return layer


def _layer(node: onnx.NodeProto, arrays: _Arrays, policy: keras.DTypePolicy) -> _LayerAndWeights:
    if node.op_type not in _LAYERS:
        raise ModelError(
            f"{builtin.onnx_path()} has a node of the type {node.op_type}, which is not in "
            f"the model that pawsight ships.\nInstall pawsight again."
        )
    return _LAYERS[node.op_type](node, arrays, policy)


def _convolution(
    node: onnx.NodeProto, arrays: _Arrays, policy: keras.DTypePolicy
) -> _LayerAndWeights:
    kernel, bias = (arrays[name] for name in node.input[1:])
    options = {
        attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute
    }
    shared = {
        "kernel_size": tuple(options["kernel_shape"]),
        "strides": options["strides"][0],
        "padding": "same",
        "dtype": policy,
        "name": node.name,
    }
    # ONNX has [out, in, height, width], Keras [height, width, in, out].
    if options["group"] > 1:
        return layers.DepthwiseConv2D(**shared), [kernel.transpose(2, 3, 0, 1), bias]
    return layers.Conv2D(len(kernel), **shared), [kernel.transpose(2, 3, 1, 0), bias]


# By type of node: the equivalent layer, and its weights. Images are scaled in float32, as in the
# file. The layers work channels last, so the transposition to channels first is left out.
_LAYERS: dict[str, Callable[[onnx.NodeProto, _Arrays, keras.DTypePolicy], _LayerAndWeights]] = {
    "Sub": lambda node, arrays, _: (
        layers.Rescaling(1.0, -float(arrays[node.input[1]]), dtype="float32", name=node.name),
        [],
    ),
    "Mul": lambda node, arrays, _: (
        layers.Rescaling(float(arrays[node.input[1]]), dtype="float32", name=node.name),
        [],
    ),
    "Transpose": lambda node, *_: (layers.Identity(name=node.name), []),
    "Conv": _convolution,
    "Clip": lambda node, _, policy: (layers.ReLU(6.0, dtype=policy, name=node.name), []),
    "Add": lambda node, _, policy: (layers.Add(dtype=policy, name=node.name), []),
    "GlobalAveragePool": lambda node, *_: (
        layers.GlobalAveragePooling2D(dtype="float32", name=node.name),
        [],
    ),
    "Flatten": lambda node, *_: (layers.Identity(name=node.name), []),
}
