"""Average the logits of each image and its mirror image within a network.

This is test-time augmentation as part of the model, without weights of its own: the network is
called once, on a batch of all images and their mirror images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

_NAME = "average_of_mirrored"
_PREFIX = "pawsight_mirrored_"


def average_mirrored(network: keras.Model) -> keras.Model:
    """Return a model of the mean logits of each image and of its mirror image.

    Args:
        network: Images [B, H, W, 3] to logits [B, K].

    Returns:
        A model of the same input and output shapes, with the weights of `network`.
    """
    import keras

    images = keras.Input(network.input_shape[1:], name="images")
    both = keras.ops.concatenate([images, keras.ops.flip(images, axis=2)], axis=0)
    logits = keras.ops.reshape(network(both), (2, -1, network.output_shape[-1]))
    return keras.Model(images, keras.ops.mean(logits, axis=0), name=_NAME)


def inner_network(model: keras.Model) -> keras.Model | None:
    """Return the network that `average_mirrored` wrapped, or None for another model."""
    import keras

    if model.name != _NAME:
        return None
    return next(layer for layer in model.layers if isinstance(layer, keras.Model))


def average_mirrored_onnx(model: Any, output: str) -> None:
    """Average the logits of each image and its mirror image within an ONNX model, in place.

    Args:
        model: onnx.ModelProto of opset 17, from "images" [N, H, W, 3] to `output` [N, K].
        output: Name of the output.
    """
    from onnx import helper, numpy_helper

    graph = model.graph
    both, each = f"{_PREFIX}both", f"{_PREFIX}logits"
    renamed = {"images": both, output: each}
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    num_classes = graph.output[0].type.tensor_type.shape.dim[-1].dim_value
    constants = {
        "start": [-1],
        "end": [np.iinfo(np.int64).min],
        "axis": [2],
        "step": [-1],
        "shape": [2, -1, num_classes],
    }
    for name, value in constants.items():
        tensor = numpy_helper.from_array(np.array(value, np.int64), _PREFIX + name)
        graph.initializer.append(tensor)
    slicing = ["images", *(_PREFIX + name for name in ("start", "end", "axis", "step"))]
    before = [
        helper.make_node("Slice", slicing, [f"{_PREFIX}images"]),
        helper.make_node("Concat", ["images", f"{_PREFIX}images"], [both], axis=0),
    ]
    after = [
        helper.make_node("Reshape", [each, f"{_PREFIX}shape"], [f"{_PREFIX}pairs"]),
        helper.make_node("ReduceMean", [f"{_PREFIX}pairs"], [output], axes=[0], keepdims=0),
    ]
    nodes = [*before, *graph.node, *after]
    del graph.node[:]
    graph.node.extend(nodes)
