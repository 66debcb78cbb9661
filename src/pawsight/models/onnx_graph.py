"""Read ONNX files, and append a dense layer to the file of a backbone: a complete model.onnx.

Needs no TensorFlow, and is exact: the nodes of the backbone are not changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pawsight.errors import ModelError
from pawsight.models.onnx_safety import read_onnx
from pawsight.records import FloatArray
from pawsight.storage.atomic import replacing


def append_head(
    features_path: Path,
    kernel: FloatArray,
    bias: FloatArray,
    image_size: tuple[int, int],
    path: Path,
) -> None:
    """Write a backbone with a linear head as ONNX.

    The model has the input "images" [N, H, W, 3] and the outputs "logits" [N, K] and
    "features" [N, F].

    Args:
        features_path: The backbone; its outputs other than "features" are left out.
        kernel: Of the head, [F, K].
        bias: Of the head, [K].
        image_size: (height, width) in pixels of the model's images.
        path: The file to write.

    Raises:
        ModelError: The backbone's file is damaged, or has no output "features".
        DiskError: The file cannot be written.
    """
    from onnx import TensorProto, helper, numpy_helper

    try:
        model = cut_out(features_path, ["features"], image_size)
    except Exception as error:  # onnx' errors share no base class
        raise ModelError(
            f"{features_path} is not a usable backbone ({error}).\n"
            f"Remove that file; it will be made again."
        ) from error
    graph = model.graph
    # With a prefix, because the backbone may contain a head whose weights have plain names.
    graph.initializer.extend(
        [
            numpy_helper.from_array(kernel.astype(np.float32), "pawsight_kernel"),
            numpy_helper.from_array(bias.astype(np.float32), "pawsight_bias"),
        ]
    )
    graph.node.append(
        helper.make_node("Gemm", ["features", "pawsight_kernel", "pawsight_bias"], ["logits"])
    )
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [None, kernel.shape[1]])
    graph.output.insert(0, logits)
    with replacing(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


def load_onnx(path: Path) -> Any:
    """Read an ONNX file as onnx.ModelProto, after the checks of `onnx_safety`.

    Raises:
        ModelError: The model could do more than compute.
        Exception: The file cannot be read; onnx' errors share no base class.
    """
    import onnx

    return onnx.load_from_string(read_onnx(path))


def initializers(graph: Any) -> dict[str, np.ndarray]:
    """Return the constants of an onnx.GraphProto by name."""
    from onnx import numpy_helper

    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def cut_out(path: Path, outputs: Sequence[str], image_size: tuple[int, int]) -> Any:
    """Read the part of an ONNX file from "images" to some of its outputs, as onnx.ModelProto.

    Args:
        path: The file.
        outputs: Names of the outputs to keep.
        image_size: (height, width) in pixels that "images" gets.

    Raises:
        Exception: The file is damaged, or lacks an output; onnx' errors share no base class.
    """
    import onnx

    model = onnx.utils.Extractor(load_onnx(path)).extract_model(["images"], list(outputs))
    sides = model.graph.input[0].type.tensor_type.shape.dim
    for side, pixels in zip(sides[1:3], image_size, strict=True):
        side.dim_value = pixels
    return model
