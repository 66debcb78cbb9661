"""Write a Keras model as ONNX layer by layer, without a converter.

Supports functional models of the layers in `_LAYERS`: pawsight's own networks, from scratch and
fine-tuned. `onnx_convert` converts other models. The same weights give the same bytes: names are
numbered in the order of the layers, and no time or version is written. Batch normalisation is
folded into the convolution before it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import activations, layers
from onnx import ModelProto, TensorProto, helper

from pawsight.errors import ModelError
from pawsight.models.builtin.layers import FastReLU6, FrozenDepthwiseConv2D
from pawsight.models.normalization import FusedBatchNormalization
from pawsight.models.onnx_nodes import Nodes, Value

OPSET = 17  # every ONNX Runtime since 2022 reads it, and tf2onnx 1.17 writes it
_IR_VERSION = 8  # the version that opset 17 belongs to


class UnsupportedLayerError(ModelError):
    """A layer that this module cannot write."""


def onnx_model(model: keras.Model, output: str) -> ModelProto:
    """Build the ONNX model of a Keras model in inference mode.

    Args:
        model: A functional model of one input, images float32 [N, H, W, 3], and one output
            [N, K]. It may have been trained in any precision.
        output: Name of the output.

    Returns:
        A float32 model from "images" to `output`, with a dynamic batch dimension.

    Raises:
        UnsupportedLayerError: A layer is of another type, has an unsupported option, or is
            a shared layer.
    """
    graph = _Graph(model)
    for layer in model.layers:
        graph.write(layer)
    logits = graph.values[id(model.output)]
    graph.nodes.append(helper.make_node("Identity", [logits.name], [output], output))
    height, width = model.input_shape[1:3]
    written = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "pawsight",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", height, width, 3])],
            [
                helper.make_tensor_value_info(
                    output, TensorProto.FLOAT, ["N", model.output_shape[-1]]
                )
            ],
            graph.constants,
        ),
        producer_name="pawsight",
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    written.ir_version = _IR_VERSION
    return written


class _Graph(Nodes):
    """The nodes and constants added so far, and the value of each Keras tensor."""

    def __init__(self, model: keras.Model) -> None:
        super().__init__()
        self.values: dict[int, Value] = {id(model.input): Value("images")}
        self.folded: set[str] = set()  # names of batch normalisations folded into convolutions
        self._users: defaultdict[int, list[keras.Layer]] = defaultdict(list)
        for layer in model.layers:
            for tensor in _inputs(layer):
                self._users[id(tensor)].append(layer)

    def write(self, layer: keras.Layer) -> None:
        """Write one layer; the layers before it must be written."""
        if isinstance(layer, layers.InputLayer):
            return
        if type(layer) not in _LAYERS:
            raise _unsupported(layer, "the layer type is unsupported")
        inputs = [self.values.get(id(tensor)) for tensor in _inputs(layer)]
        if None in inputs:  # for a layer that is called several times, Keras has the first input
            raise _unsupported(layer, "it, or a layer before it, is a shared layer")
        self.values[id(layer.output)] = _LAYERS[type(layer)](self, layer, *inputs)

    def normalization_after(self, layer: keras.Layer) -> layers.BatchNormalization | None:
        """Return the batch normalisation that is the only user of a layer's output, if any."""
        users = self._users[id(layer.output)]
        is_only_user = len(users) == 1 and isinstance(users[0], layers.BatchNormalization)
        return users[0] if is_only_user else None


def _inputs(layer: keras.Layer) -> list[Any]:
    return layer.input if isinstance(layer.input, list) else [layer.input]


def _unsupported(layer: keras.Layer, why: str) -> UnsupportedLayerError:
    return UnsupportedLayerError(
        f"Layer '{layer.name}' ({type(layer).__name__}) cannot be written as ONNX directly: {why}."
    )


def _require(layer: keras.Layer, **options: Any) -> None:
    """Check that attributes of a layer have the supported values."""
    for name, value in options.items():
        if getattr(layer, name) != value:
            raise _unsupported(layer, f"{name} is {getattr(layer, name)!r}")


def _activated(graph: _Graph, layer: keras.Layer, name: str) -> str:
    if layer.activation is activations.linear:
        return name
    if layer.activation is activations.relu:
        return graph.add("Relu", name)
    raise _unsupported(layer, "its activation is unsupported")


def _convolution(graph: _Graph, layer: keras.Layer, value: Value) -> Value:
    _require(layer, data_format="channels_last", dilation_rate=(1, 1))
    kernel = np.asarray(layer.kernel, np.float64)  # [height, width, in, out]
    num_groups = getattr(layer, "groups", 1)
    if isinstance(layer, layers.DepthwiseConv2D):  # [height, width, channels, outputs of each]
        num_groups = kernel.shape[2]
        kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
    bias = np.asarray(layer.bias, np.float64) if layer.use_bias else None
    after = graph.normalization_after(layer)
    if after is not None and layer.activation is activations.linear:
        scale, shift = _scale_and_shift(after)
        kernel = kernel * scale
        bias = shift if bias is None else bias * scale + shift
        graph.folded.add(after.name)
    name = graph.add(
        "Conv",
        graph.channels_first(value),
        graph.constant(kernel.transpose(3, 2, 0, 1)),
        *([] if bias is None else [graph.constant(bias)]),
        kernel_shape=kernel.shape[:2],
        strides=layer.strides,
        group=num_groups,
        auto_pad=_PADDING[layer.padding],
    )
    return Value(_activated(graph, layer, name), is_channels_first=True)


def _scale_and_shift(layer: layers.BatchNormalization) -> tuple[Any, Any]:
    """Return a batch normalisation as factor and summand of each channel, float64 [C]."""
    _require(layer, axis=-1)
    mean = np.asarray(layer.moving_mean, np.float64)
    variance = np.asarray(layer.moving_variance, np.float64)
    gamma = np.asarray(layer.gamma if layer.scale else 1.0, np.float64)
    beta = np.asarray(layer.beta if layer.center else 0.0, np.float64)
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return scale, beta - mean * scale


def _normalization(graph: _Graph, layer: keras.Layer, value: Value) -> Value:
    return value if layer.name in graph.folded else graph.affine(value, *_scale_and_shift(layer))


def _relu(graph: _Graph, layer: keras.Layer, value: Value) -> Value:
    _require(layer, negative_slope=0.0, threshold=0.0)
    if layer.max_value is None:
        name = graph.add("Relu", value.name)
    else:
        limits = graph.constant(0.0), graph.constant(layer.max_value)
        name = graph.add("Clip", value.name, *limits)
    return Value(name, value.is_channels_first)


def _max_pooling(graph: _Graph, layer: keras.Layer, value: Value) -> Value:
    _require(layer, data_format="channels_last")
    name = graph.add(
        "MaxPool",
        graph.channels_first(value),
        kernel_shape=layer.pool_size,
        strides=layer.strides,
        auto_pad=_PADDING[layer.padding],
    )
    return Value(name, is_channels_first=True)


def _global_pooling(graph: _Graph, layer: keras.Layer, value: Value) -> Value:
    _require(layer, data_format="channels_last", keepdims=False)
    is_average = isinstance(layer, layers.GlobalAveragePooling2D)
    kind = "GlobalAveragePool" if is_average else "GlobalMaxPool"
    return Value(graph.add("Flatten", graph.add(kind, graph.channels_first(value))))


def _join(graph: _Graph, layer: keras.Layer, *values: Value) -> Value:
    """Add values, or concatenate their channels."""
    is_first = any(value.is_channels_first for value in values)
    to_layout = graph.channels_first if is_first else graph.channels_last
    names = [to_layout(value) for value in values]
    if isinstance(layer, layers.Add):
        name = names[0]
        for other in names[1:]:
            name = graph.add("Add", name, other)
        return Value(name, is_first)
    _require(layer, axis=-1)
    return Value(graph.add("Concat", *names, axis=1 if is_first else -1), is_first)


def _resizing(graph: _Graph, layer: keras.Layer, value: Value) -> Value:
    _require(
        layer,
        data_format="channels_last",
        interpolation="bilinear",
        antialias=False,
        crop_to_aspect_ratio=False,
        pad_to_aspect_ratio=False,
    )
    images = graph.channels_first(value)
    shape = graph.add("Shape", images, start=0, end=2)
    size = graph.add("Concat", shape, graph.exact((layer.height, layer.width)), axis=0)
    options = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    name = graph.add("Resize", images, "", "", size, **options)
    return Value(name, is_channels_first=True)


def _dense(graph: _Graph, layer: keras.Layer, value: Value) -> Value:
    if len(layer.input.shape) != 2:
        raise _unsupported(layer, "its input is not [N, F]")
    parameters = [
        graph.constant(layer.kernel),
        *([graph.constant(layer.bias)] if layer.use_bias else []),
    ]
    return Value(_activated(graph, layer, graph.add("Gemm", value.name, *parameters)))


_PADDING = {"same": "SAME_UPPER", "valid": "VALID"}
_Write = Callable[..., Value]  # (graph, layer, the values of its inputs)
# By exact class: a subclass of a layer may compute something else.
_LAYERS: dict[type[keras.Layer], _Write] = {
    layers.Rescaling: lambda graph, layer, value: graph.affine(value, layer.scale, layer.offset),
    layers.Identity: lambda _, __, value: value,
    layers.Dropout: lambda _, __, value: value,
    layers.Conv2D: _convolution,
    layers.DepthwiseConv2D: _convolution,
    FrozenDepthwiseConv2D: _convolution,
    layers.BatchNormalization: _normalization,
    FusedBatchNormalization: _normalization,
    layers.ReLU: _relu,
    FastReLU6: _relu,
    layers.MaxPooling2D: _max_pooling,
    layers.GlobalAveragePooling2D: _global_pooling,
    layers.GlobalMaxPooling2D: _global_pooling,
    layers.Add: _join,
    layers.Concatenate: _join,
    layers.Resizing: _resizing,
    layers.Flatten: lambda graph, _, value: Value(graph.add("Flatten", graph.channels_last(value))),
    layers.Dense: _dense,
}
