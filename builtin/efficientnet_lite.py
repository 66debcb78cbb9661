"""EfficientNet-Lite as an ONNX graph, its weights from a PyTorch checkpoint.

Batch normalisation is folded into the convolution before it, and the scaling
of the pixels is in the graph. Weights of two dimensions or more are stored as
float16 and widened by the runtime when it opens the file: half the size.
Source: arXiv:1905.11946 and tensorflow/tpu, models/official/efficientnet/lite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_EPSILON = 1e-3
_NUM_FEATURES = 1280
# Of each stage: its blocks in Lite0, and the stride of its first block.
_STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
DEPTHS = {"lite0": 1.0, "lite1": 1.1, "lite2": 1.2}


@dataclass(frozen=True)
class Convolution:
    """A convolution with the normalisation after it folded in.

    Attributes:
        name: Its name in the graph.
        kernel: float32 [out, in / groups, height, width].
        bias: float32 [out].
        stride: In both directions, pixels.
        is_depthwise: Each channel is convolved alone.
        is_activated: ReLU6 follows.
    """

    name: str
    kernel: np.ndarray
    bias: np.ndarray
    stride: int = 1
    is_depthwise: bool = False
    is_activated: bool = True


def blocks(arrays: Mapping[str, np.ndarray], depth: float) -> list[list[Convolution]]:
    """Give the network as blocks of convolutions, from the images to the features.

    A block of several convolutions whose input and output have one shape has a shortcut.
    """
    found = [[_folded(arrays, "stem", "_conv_stem", "_bn0", stride=2)]]
    index = 0
    for stage, (repeats, stride) in enumerate(_STAGES):
        # The first and last stage are as deep in every size of the network.
        is_fixed = stage in (0, len(_STAGES) - 1)
        for repeat in range(repeats if is_fixed else int(np.ceil(repeats * depth))):
            found.append(_block(arrays, index, stride if repeat == 0 else 1))
            index += 1
    if f"_blocks.{index}._bn1.weight" in arrays:
        raise ValueError(f"the checkpoint has more than {index} blocks: it is of another depth")
    found.append([_folded(arrays, "top", "_conv_head", "_bn1")])
    return found


def _block(arrays: Mapping[str, np.ndarray], index: int, stride: int) -> list[Convolution]:
    old, new = f"_blocks.{index}.", f"block{index}_"
    found = []
    if f"{old}_expand_conv.weight" in arrays:
        found.append(_folded(arrays, f"{new}expand", f"{old}_expand_conv", f"{old}_bn0"))
    found.append(
        _folded(arrays, f"{new}depthwise", f"{old}_depthwise_conv", f"{old}_bn1", stride, True)
    )
    found.append(
        _folded(arrays, f"{new}project", f"{old}_project_conv", f"{old}_bn2", is_activated=False)
    )
    return found


def _folded(
    arrays: Mapping[str, np.ndarray],
    name: str,
    convolution: str,
    normalisation: str,
    stride: int = 1,
    is_depthwise: bool = False,
    is_activated: bool = True,
) -> Convolution:
    gain, shift, mean, variance = (
        arrays[f"{normalisation}.{part}"].astype(np.float64)
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gain / np.sqrt(variance + _EPSILON)
    kernel = (arrays[f"{convolution}.weight"] * scale[:, None, None, None]).astype(np.float32)
    bias = (shift - mean * scale).astype(np.float32)
    return Convolution(name, kernel, bias, stride, is_depthwise, is_activated)


def graph(
    network: list[list[Convolution]],
    head: tuple[np.ndarray, np.ndarray],
    is_half: bool = True,
) -> onnx.ModelProto:
    """Write the network as ONNX.

    Args:
        network: Of `blocks`.
        head: Weights [1280, K] and biases [K] of the logits.
        is_half: Store the weights as float16.

    Returns:
        A model of "images", float32 [N, H, W, 3] with values 0..255 and of any size,
        that gives "logits" [N, K] and "features" [N, 1280], both float32.
    """
    nodes: list[onnx.NodeProto] = []
    stored: list[onnx.TensorProto] = []

    def constant(name: str, values: np.ndarray) -> str:
        if is_half and values.ndim > 1:
            stored.append(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
            nodes.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
        else:
            stored.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def node(kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    zero, six = constant("zero", np.float32(0)), constant("six", np.float32(6))

    def convolved(x: str, layer: Convolution) -> str:
        inputs = [
            x,
            constant(f"{layer.name}/kernel", layer.kernel),
            constant(f"{layer.name}/bias", layer.bias),
        ]
        output = node(
            "Conv",
            inputs,
            layer.name,
            auto_pad="SAME_UPPER",
            kernel_shape=list(layer.kernel.shape[2:]),
            strides=[layer.stride] * 2,
            group=layer.kernel.shape[0] if layer.is_depthwise else 1,
        )
        return (
            node("Clip", [output, zero, six], f"{layer.name}_relu6")
            if layer.is_activated
            else output
        )

    # Centred by subtracting, then scaled: what the network was trained on, (x - 127) / 128.
    x = node("Sub", ["images", constant("pixel_mean", np.float32(127))], "centred")
    x = node("Mul", [x, constant("pixel_scale", np.float32(1 / 128))], "scaled")
    x = node("Transpose", [x], "channels_first", perm=[0, 3, 1, 2])
    channels = 3
    for block in network:
        start = x
        for layer in block:
            x = convolved(x, layer)
        is_same = len(block) > 1 and channels == block[-1].kernel.shape[0]
        if is_same and all(layer.stride == 1 for layer in block):
            x = node("Add", [x, start], f"{block[-1].name}_sum")
        channels = block[-1].kernel.shape[0]
    x = node("GlobalAveragePool", [x], "pooled")
    x = node("Flatten", [x], "features")
    weights, biases = (constant("head/weights", head[0]), constant("head/biases", head[1]))
    node("Gemm", [x, weights, biases], "logits")
    made = helper.make_graph(
        nodes,
        "pawsight_builtin",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", "H", "W", 3])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", head[0].shape[1]]),
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", _NUM_FEATURES]),
        ],
        stored,
    )
    model = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="pawsight"
    )
    onnx.checker.check_model(model, full_check=True)
    return model
