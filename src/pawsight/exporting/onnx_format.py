"""Export to an ONNX file with calibrated probabilities, and with the description as metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pawsight.errors import RunError, first_line
from pawsight.exporting.format import Format, Runner
from pawsight.exporting.model_folder import ModelFolder
from pawsight.exporting.onnx_ood import add_builtin_features, add_ood_score
from pawsight.inference.ood_score import gives_features
from pawsight.models.onnx_graph import cut_out
from pawsight.models.onnx_session import session_of_file
from pawsight.progress import Progress
from pawsight.records import FloatArray, ImageArray
from pawsight.storage.atomic import replacing
from pawsight.task import Task

FILE = "model.onnx"
SNIPPET = """\
import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # so that ONNX Runtime sends no telemetry
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
probabilities = session.run(["probabilities"], {"images": images})[0][0]
"""


def write(model: ModelFolder, folder: Path, progress: Progress) -> Path:
    """Write `model.onnx`, with the output "ood_score" if the run has a detector."""
    progress.start("Writing ONNX")
    path = folder / FILE
    with replacing(path) as temporary:
        with_score = model.detector is not None
        temporary.write_bytes(with_probabilities(model, with_score).SerializeToString())
    return path


def with_probabilities(model: ModelFolder, with_score: bool = False) -> Any:
    """Return the run's network with calibrated probabilities, as onnx.ModelProto.

    The input is "images", float32 [N, H, W, 3], 0..255. The outputs are "logits" and
    "probabilities", float32 [N, K].

    Args:
        model: The model.
        with_score: Whether to add the output "ood_score", float32 [N], if there is a detector.

    Raises:
        RunError: The run's ONNX file, or its detector, is damaged.
    """
    from onnx import TensorProto, helper, numpy_helper

    detector = model.detector if with_score else None
    has_features = detector is not None and gives_features(model.run)
    try:
        outputs = ["logits", "features"] if has_features else ["logits"]
        model_proto = cut_out(model.run.onnx_path, outputs, model.description.image_size)
    except Exception as error:  # onnx' errors share no base class
        raise RunError(
            f"{model.run.onnx_path} cannot be read ({first_line(error)}).\n"
            f"Train again, or copy the run folder again."
        ) from error
    graph = model_proto.graph
    temperature = np.array(model.description.temperature, np.float32)
    graph.initializer.append(numpy_helper.from_array(temperature, "pawsight_temperature"))
    graph.node.extend(
        [
            helper.make_node("Div", ["logits", "pawsight_temperature"], ["pawsight_calibrated"]),
            _activation(model.description.labelling),
        ]
    )
    shape = ["N", len(model.description.class_names)]
    graph.output.append(helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, shape))
    if detector is not None:
        if not has_features:
            add_builtin_features(model_proto, model.description.image_size)
        add_ood_score(model_proto, detector)
        model = model.with_ood_score()
    helper.set_model_props(model_proto, model.description.metadata())
    return model_proto


def _activation(task: Task) -> Any:
    from onnx import helper

    if task.is_multi_label:
        return helper.make_node("Sigmoid", ["pawsight_calibrated"], ["probabilities"])
    return helper.make_node("Softmax", ["pawsight_calibrated"], ["probabilities"], axis=-1)


def open_runner(path: Path) -> Runner:
    """Open the file in ONNX Runtime, on one core as in pawsight."""
    session = session_of_file(path)

    def run(images: ImageArray) -> FloatArray:
        probabilities = session.run(["probabilities"], {"images": images.astype(np.float32)})[0]
        return np.asarray(probabilities)

    return run


FORMAT = Format(
    name="onnx",
    summary="ONNX Runtime, on any system and in many languages",
    write=write,
    open_runner=open_runner,
    snippet=SNIPPET,
    has_ood_score=True,
    has_any_size=True,
)
