"""The features of the shipped model as a Keras network, to train further and to export.

The network is not written down twice: its layers are made from the nodes of the
ONNX file, which are few in kind, and take their weights from it. Batch
normalisation is folded into the convolutions there, so it cannot drift in
training either.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
from keras import layers
from onnx import numpy_helper

from pawsight.errors import ModelError
from pawsight.models import builtin
from pawsight.models.builtin.layers import FastReLU6, FrozenDepthwiseConv2D
from pawsight.models.onnx_graph import load_onnx
from pawsight.records import OpenSize

_Arrays = dict[str, np.ndarray]
# Layers that are not fine-tuned: the first convolution works on the largest maps, and the edges and
# colours it finds are those of any photo.
_FROZEN = ("stem",)
_QUICK: dict[type[layers.Layer], type[layers.Layer]] = {
    layers.DepthwiseConv2D: FrozenDepthwiseConv2D,
    layers.ReLU: FastReLU6,
}
_Made = tuple[Any, list[np.ndarray]]  # a layer, and the weights it is to hold


def build_features(
    image_size: OpenSize,
    policy: keras.DTypePolicy,
    path: Path | None = None,
    is_tuned: bool = False,
) -> keras.Model:
    """Build the network up to its features, with the shipped weights.

    Args:
        image_size: (height, width) in pixels, at least 32 each.
        policy: Of the convolutions; the features are float32 in any case.
        path: The ONNX file of a run that was made from the shipped model, for
            its weights; None takes the shipped ones.
        is_tuned: Freeze the first convolution and the depthwise ones, and make the
            gradients of the rest quick; see `builtin.layers`.

    Returns:
        A model of float32 images [B, H, W, 3], values 0..255 (the scaling is
        inside), that gives float32 features [B, 1280].
    """
    graph = load_onnx(path or builtin.onnx_path()).graph
    arrays = {stored.name: numpy_helper.to_array(stored) for stored in graph.initializer}
    images = keras.Input((*image_size, 3), name="images")
    tensors: dict[str, Any] = {"images": images}
    loaded: list[_Made] = []
    for node in graph.node:
        (output,) = node.output
        if node.op_type == "Cast":  # of a weight that is stored as float16
            arrays[output] = arrays[node.input[0]].astype(np.float32)
            continue
        made, weights = _layer(node, arrays, policy)
        if is_tuned:
            made = _tuned(made)
        inputs = [tensors[name] for name in node.input if name in tensors]
        tensors[output] = made(inputs[0] if len(inputs) == 1 else inputs)
        loaded.append((made, weights))
        if output == "features":
            break
    for made, weights in loaded:
        if weights:
            made.set_weights(weights)
    return keras.Model(images, tensors["features"], name="builtin")


def load_whole(path: Path, image_size: tuple[int, int]) -> keras.Model:
    """Build a run's model with all its weights from its ONNX file.

    Args:
        path: A model.onnx: the built-in network with a last layer of the run.
        image_size: (height, width) in pixels.

    Returns:
        A model of float32 images [B, H, W, 3], values 0..255, that gives logits [B, K].
    """
    features = build_features(image_size, keras.DTypePolicy("float32"), path)
    graph = load_onnx(path).graph
    arrays = {stored.name: numpy_helper.to_array(stored) for stored in graph.initializer}
    kernel, bias = (arrays[name] for name in graph.node[-1].input[1:])
    last = layers.Dense(kernel.shape[1], name="logits")
    model = keras.Model(features.input, last(features.output), name="builtin")
    last.set_weights([kernel, bias])
    return model


def _tuned(layer: layers.Layer) -> layers.Layer:
    """Return a layer as it is fine-tuned."""
    for plain, quick in _QUICK.items():
        if type(layer) is plain:
            layer = quick.from_config(layer.get_config())
    layer.trainable = layer.name not in _FROZEN and not isinstance(layer, FrozenDepthwiseConv2D)
    return layer


def _layer(node: onnx.NodeProto, arrays: _Arrays, policy: keras.DTypePolicy) -> _Made:
    try:
        make = _LAYERS[node.op_type]
    except KeyError:
        raise ModelError(
            f"{builtin.onnx_path()} has a layer of the kind {node.op_type}, which is not of "
            f"the model that pawsight ships.\nInstall pawsight again."
        ) from None
    return make(node, arrays, policy)


def _convolution(node: onnx.NodeProto, arrays: _Arrays, policy: keras.DTypePolicy) -> _Made:
    kernel, bias = (arrays[name] for name in node.input[1:])
    options = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
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


def _same(name: str) -> layers.Layer:
    return layers.Identity(name=name)


# Of each kind of node: the layer that does the same, and its weights. The images are scaled in
# float32, as in the file; they come channels last already, so they need not be turned around.
_LAYERS: dict[str, Callable[[onnx.NodeProto, _Arrays, keras.DTypePolicy], _Made]] = {
    "Sub": lambda node, arrays, _: (
        layers.Rescaling(1.0, -float(arrays[node.input[1]]), dtype="float32", name=node.name),
        [],
    ),
    "Mul": lambda node, arrays, _: (
        layers.Rescaling(float(arrays[node.input[1]]), dtype="float32", name=node.name),
        [],
    ),
    "Transpose": lambda node, *_: (_same(node.name), []),
    "Conv": _convolution,
    "Clip": lambda node, _, policy: (layers.ReLU(6.0, dtype=policy, name=node.name), []),
    "Add": lambda node, _, policy: (layers.Add(dtype=policy, name=node.name), []),
    "GlobalAveragePool": lambda node, *_: (
        layers.GlobalAveragePooling2D(dtype="float32", name=node.name),
        [],
    ),
    "Flatten": lambda node, *_: (_same(node.name), []),
}
