"""Compute the out-of-distribution score inside an exported ONNX file.

It needs the features of the built-in network. Linear heads on it, and the shipped model, compute
them on their way to the logits; beside another network, the built-in one is put into the file, and
ONNX Runtime runs it whichever outputs are requested.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pawsight.exporting.model_folder import OOD_SCORE
from pawsight.inference.enlarged_images import enlarged_size
from pawsight.inference.out_of_distribution import OutOfDistributionDetector
from pawsight.models import builtin
from pawsight.models.onnx_graph import cut_out

_PREFIX = "pawsight_ood_"
_BUILTIN_PREFIX = "pawsight_builtin_"


def add_builtin_features(model: Any, image_size: tuple[int, int]) -> None:
    """Add the built-in network from "images" to the output "features", float32 [N, F].

    Args:
        model: onnx.ModelProto, of the opset of the built-in network.
        image_size: (height, width) of "images" in pixels.
    """
    from onnx import TensorProto, helper

    size = enlarged_size(image_size)
    kept = {"", "features"} if size != image_size else {"", "features", "images"}

    def renamed(name: str) -> str:
        return name if name in kept else _BUILTIN_PREFIX + name

    branch = cut_out(builtin.onnx_path(), ["features"], size).graph
    for tensor in branch.initializer:
        tensor.name = renamed(tensor.name)
    for node in branch.node:
        node.name = renamed(node.name)
        node.input[:] = map(renamed, node.input)
        node.output[:] = map(renamed, node.output)
    graph = model.graph
    if size != image_size:
        _add_enlarging(graph, image_size, size, renamed("images"))
    graph.initializer.extend(branch.initializer)
    graph.node.extend(branch.node)
    shape = ["N", builtin.NUM_FEATURES]
    graph.output.append(helper.make_tensor_value_info("features", TensorProto.FLOAT, shape))


def _add_enlarging(
    graph: Any, image_size: tuple[int, int], size: tuple[int, int], output: str
) -> None:
    """Add the linear interpolation of "images" to a (height, width), as `enlarge` does."""
    from onnx import helper, numpy_helper

    # A scaled side is rounded down, and a scale in float32 may be a little too small.
    rows, columns = ((new + 1e-3) / old for new, old in zip(size, image_size, strict=True))
    scales = np.array([1, rows, columns, 1], np.float32)
    graph.initializer.append(numpy_helper.from_array(scales, f"{output}_scales"))
    inputs = ["images", "", f"{output}_scales"]
    graph.node.append(helper.make_node("Resize", inputs, [output], output, mode="linear"))


def add_ood_score(model: Any, detector: OutOfDistributionDetector) -> None:
    """Add the output "ood_score", float32 [N]: above 1 a photo is unlike the training set.

    It is what `OutOfDistributionScorer.scores` computes, in float32.

    Args:
        model: onnx.ModelProto with "features" [N, F] as an output, which is replaced.
        detector: Of the same features.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    for name, value in _constants(detector).items():
        graph.initializer.append(numpy_helper.from_array(np.asarray(value), _PREFIX + name))

    def add(kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        names = [one if one == "features" else _PREFIX + one for one in inputs]
        target = output if output == OOD_SCORE else _PREFIX + output
        graph.node.append(helper.make_node(kind, names, [target], **attributes))

    add("Mul", ["features", "features"], "squared")
    add("ReduceSum", ["squared", "last"], "sum", keepdims=1)
    add("Sqrt", ["sum"], "norm")
    add("Max", ["norm", "least"], "divisor")
    add("Div", ["features", "divisor"], "unit")
    add("Mul", ["unit", "unit"], "unit_squared")
    add("ReduceSum", ["unit_squared", "last"], "square", keepdims=1)
    add("MatMul", ["unit", "means"], "product")
    add("Mul", ["product", "two"], "twice")
    add("Add", ["square", "square_means"], "both")
    add("Sub", ["both", "twice"], "away")  # squared distances from the means, [N, K]
    add("Mul", ["away", "rest"], "outside")
    add("Cast", ["basis"], "directions", to=TensorProto.FLOAT)
    add("MatMul", ["unit", "directions"], "along")
    add("Unsqueeze", ["along", "second"], "along_each")
    add("Sub", ["along_each", "along_means"], "difference")  # [N, K, R]
    add("Mul", ["difference", "difference"], "difference_squared")
    add("Mul", ["difference_squared", "weights"], "weighted")
    add("ReduceSum", ["weighted", "last"], "inside", keepdims=0)
    add("Add", ["inside", "outside"], "distances")
    _add_least(model, add)
    add("Max", ["nearest", "zero"], "positive")
    add("Sqrt", ["positive"], "distance")
    add("Mul", ["distance", "scale"], OOD_SCORE)
    kept = [one for one in graph.output if one.name != "features"]
    del graph.output[:]
    graph.output.extend(kept)
    graph.output.append(helper.make_tensor_value_info(OOD_SCORE, TensorProto.FLOAT, ["N"]))


def _constants(detector: OutOfDistributionDetector) -> dict[str, Any]:
    basis = np.asarray(detector.basis, np.float32)
    means = np.asarray(detector.means, np.float32)
    return {
        "basis": basis.T.astype(np.float16),  # as it is stored
        "means": means.T,
        "along_means": (means @ basis.T)[None],
        "square_means": (means**2).sum(axis=1)[None],
        "weights": (1 / detector.variances - 1 / detector.rest).astype(np.float32),
        "rest": np.float32(1 / detector.rest),
        "two": np.float32(2),
        "zero": np.float32(0),
        "least": np.float32(1e-12),
        "scale": np.float32(1 / detector.threshold),
        "last": np.array([-1], np.int64),
        "second": np.array([1], np.int64),
    }


def _add_least(model: Any, add: Any) -> None:
    """Add the smallest distance of each photo; its axes became an input with opset 18."""
    opset = next(one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))
    if opset < 18:
        add("ReduceMin", ["distances"], "nearest", axes=[1], keepdims=0)
    else:
        add("ReduceMin", ["distances", "second"], "nearest", keepdims=0)
