"""Append a dense layer to the ONNX file of a backbone: a finished model.onnx.

Needs no TensorFlow, and is exact: the backbone's own nodes stay as they are.
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
    """Write "images" [N, H, W, 3] to "logits" [N, K] from a backbone that gives "features".

    Args:
        features_path: The backbone; other outputs of it are left out.
        kernel: [F, K].
        bias: [K].
        image_size: (height, width) in pixels that the model is for.
        path: Where to.

    Raises:
        ModelError: The backbone's file is damaged, or has no such output.
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
    # Names of our own: the backbone's head, if it had one, may have used the plain ones.
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
    graph.output.insert(0, logits)  # the features stay an output beside them
    with replacing(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


def load_onnx(path: Path) -> Any:
    """Read an ONNX file that is safe to open, as onnx.ModelProto.

    Raises:
        ModelError: It could do more than compute.
        Exception: It cannot be read; onnx' errors share no base class.
    """
    import onnx

    return onnx.load_from_string(read_onnx(path))


def cut_out(path: Path, outputs: Sequence[str], image_size: tuple[int, int]) -> Any:
    """Read the part of an ONNX file from "images" to some of its outputs, as onnx.ModelProto.

    Args:
        path: The file.
        outputs: Their names; other outputs are left out.
        image_size: (height, width) in pixels that "images" has from now on.

    Raises:
        Exception: The file is damaged, or lacks one of them; onnx' errors share no base class.
    """
    import onnx

    model = onnx.utils.Extractor(load_onnx(path)).extract_model(["images"], list(outputs))
    sides = model.graph.input[0].type.tensor_type.shape.dim
    for side, pixels in zip(sides[1:3], image_size, strict=True):
        side.dim_value = pixels
    return model
