"""The shipped model as an ONNX graph.

The scaling of the pixels is in the graph. Weights of two dimensions or more are stored as
float16 or int8 and widened by the runtime when it opens the file, which makes it small.

Beside the head for cats and dogs the graph keeps the layer of the 1,000 ImageNet classes, in
int8. Its logits also decide whether a photo is in distribution: like any canine or feline at all.
The logits of cats and dogs are multiplied by that, so a photo of neither comes out at about half
and half, while the likelier of the two stays the likelier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from scipy.special import expit, logsumexp

from efficientnet_lite import Convolution

# Dogs, wild canines, hyena, house cats and big cats among the ImageNet classes, by their order.
ANIMALS = slice(151, 294)
NUM_FEATURES = 1280

# Of the log odds of "a canine or feline" against "anything else". At the midpoint a photo is half
# familiar. Once tuned, 1 in 100 photos held out is below -1.8; of 37 pictures of neither half do
# below -3.1.
_MIDPOINT = -1.5
_SLOPE = 2.0

Dense = tuple[np.ndarray, np.ndarray]  # weights [1280, K] and biases [K]


@dataclass
class _Writer:
    """Nodes and stored numbers, as they come."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    stored: list[onnx.TensorProto] = field(default_factory=list)

    def node(self, kind: str, inputs: Sequence[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def number(self, name: str, value: float) -> str:
        return self.vector(name, np.array(value))

    def vector(self, name: str, values: np.ndarray) -> str:
        self.stored.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def half(self, name: str, values: np.ndarray) -> str:
        """Store as float16."""
        self.stored.append(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        return self.node("Cast", [f"{name}_half"], name, to=TensorProto.FLOAT)

    def byte(self, name: str, values: np.ndarray) -> str:
        """Store as int8, with a scale for each column."""
        scale = np.abs(values).max(axis=0) / 127
        whole = np.round(values / scale).astype(np.int8)
        self.stored.append(numpy_helper.from_array(whole, f"{name}_byte"))
        wide = self.node("Cast", [f"{name}_byte"], f"{name}_wide", to=TensorProto.FLOAT)
        return self.node("Mul", [wide, self.vector(f"{name}_scale", scale)], name)


def graph(network: list[list[Convolution]], head: Dense, imagenet: Dense) -> onnx.ModelProto:
    """Write the network as ONNX.

    Args:
        network: Of `efficientnet_lite.blocks`.
        head: Of the logits, K classes.
        imagenet: Of the 1,000 classes that the network was trained on.

    Returns:
        A model of "images", float32 [N, H, W, 3] with values 0..255 and of any size,
        that gives "logits" [N, K], "features" [N, 1280] and "familiarity" [N, 1] 0..1.
    """
    writer = _Writer()
    _write_features(writer, network)
    _write_familiarity(writer, imagenet)
    dense = [
        "features",
        writer.half("head/weights", head[0]),
        writer.vector("head/biases", head[1]),
    ]
    writer.node("Mul", [writer.node("Gemm", dense, "head"), "familiarity"], "logits")

    def value(name: str, *sides: str | int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *sides])

    made = helper.make_graph(
        writer.nodes,
        "pawsight_builtin",
        [value("images", "H", "W", 3)],
        [
            value("logits", head[0].shape[1]),
            value("features", NUM_FEATURES),
            value("familiarity", 1),
        ],
        writer.stored,
    )
    model = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="pawsight"
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def _write_features(writer: _Writer, network: list[list[Convolution]]) -> None:
    # Centred by subtracting, then scaled: what the network was trained on, (x - 127) / 128.
    x = writer.node("Sub", ["images", writer.number("pixel_mean", 127)], "centred")
    x = writer.node("Mul", [x, writer.number("pixel_scale", 1 / 128)], "scaled")
    x = writer.node("Transpose", [x], "channels_first", perm=[0, 3, 1, 2])
    limits = [writer.number("zero", 0), writer.number("six", 6)]
    channels = 3
    for block in network:
        start = x
        for layer in block:
            x = _write_convolution(writer, x, layer)
            if layer.is_activated:
                x = writer.node("Clip", [x, *limits], f"{layer.name}_relu6")
        is_same = len(block) > 1 and channels == block[-1].kernel.shape[0]
        if is_same and all(layer.stride == 1 for layer in block):
            x = writer.node("Add", [x, start], f"{block[-1].name}_sum")
        channels = block[-1].kernel.shape[0]
    x = writer.node("GlobalAveragePool", [x], "pooled")
    writer.node("Flatten", [x], "features")


def _write_convolution(writer: _Writer, x: str, layer: Convolution) -> str:
    kernel = writer.half(f"{layer.name}/kernel", layer.kernel)
    return writer.node(
        "Conv",
        [x, kernel, writer.vector(f"{layer.name}/bias", layer.bias)],
        layer.name,
        auto_pad="SAME_UPPER",
        kernel_shape=list(layer.kernel.shape[2:]),
        strides=[layer.stride] * 2,
        group=layer.kernel.shape[0] if layer.is_depthwise else 1,
    )


def familiarity(features: np.ndarray, imagenet: Dense) -> np.ndarray:
    """Give what the graph gives as "familiarity", but for the rounding: [N, 1]."""
    logits = features.astype(np.float64) @ imagenet[0] + imagenet[1]
    animals = logits[:, ANIMALS]
    others = np.delete(logits, np.arange(logits.shape[1])[ANIMALS], axis=1)
    log_odds = logsumexp(animals, axis=1) - logsumexp(others, axis=1)
    return expit(_SLOPE * (log_odds - _MIDPOINT))[:, None]


def _write_familiarity(writer: _Writer, imagenet: Dense) -> None:
    weights, biases = imagenet
    is_animal = np.zeros(len(biases), bool)
    is_animal[ANIMALS] = True
    sums = []
    for name, chosen in (("animals", is_animal), ("others", ~is_animal)):
        dense = [
            "features",
            writer.byte(f"{name}/weights", weights[:, chosen]),
            writer.vector(f"{name}/biases", biases[chosen]),
        ]
        x = writer.node("Gemm", dense, f"{name}/logits")
        sums.append(writer.node("ReduceLogSumExp", [x], f"{name}/sum", axes=[1], keepdims=1))
    x = writer.node("Sub", sums, "log_odds")
    x = writer.node("Sub", [x, writer.number("midpoint", _MIDPOINT)], "above_midpoint")
    x = writer.node("Mul", [x, writer.number("slope", _SLOPE)], "steep")
    writer.node("Sigmoid", [x], "familiarity")
