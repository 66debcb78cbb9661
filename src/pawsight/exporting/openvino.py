"""Export to OpenVINO, for Intel's CPUs, GPUs and accelerators.

Importing `openvino` sends telemetry to Intel if the package `openvino_telemetry` can be
imported, so pawsight prevents its import.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import cast

import numpy as np

from pawsight.exporting.format import Format, Runner
from pawsight.exporting.model_folder import ModelFolder
from pawsight.exporting.onnx_format import with_probabilities
from pawsight.models.onnx_session import new_session
from pawsight.progress import Progress
from pawsight.records import FloatArray, ImageArray

_SNIPPET = """\
import sys

sys.modules.setdefault("openvino_telemetry", None)  # so that OpenVINO sends no telemetry
import openvino

model = openvino.compile_model("model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
probabilities = model({"images": images})["probabilities"][0]
"""


def write(model: ModelFolder, folder: Path, progress: Progress) -> Path:
    """Write `model.xml` and `model.bin`, in float32 and for one photo at a time."""
    progress.start("Writing OpenVINO")
    openvino = _import()
    network = openvino.Core().read_model(_with_float_weights(model, folder))
    # OpenVINO 2026.4 computes several photos at once wrongly if a factor is a number per photo, as
    # in the shipped model: probabilities were wrong by up to 0.5.
    network.reshape([1, *model.description.image_size, 3])
    for name, value in model.description.usage().items():
        network.set_rt_info(json.dumps(value), ["pawsight", name])
    path = folder / "model.xml"
    openvino.save_model(network, path, compress_to_fp16=False)
    return path


def _with_float_weights(model: ModelFolder, folder: Path) -> bytes:
    """Return the model as ONNX, with its weights folded into float32 constants.

    If weights are stored as int8, OpenVINO also rounds the activations to int8, which changed
    probabilities of the shipped model by up to 0.005 (OpenVINO 2026.4).
    """
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        path = Path(temporary) / "folded.onnx"
        new_session(with_probabilities(model).SerializeToString(), folded_path=path)
        return path.read_bytes()


def _import() -> ModuleType:
    # None makes the import of this package fail, which OpenVINO tolerates.
    sys.modules.setdefault("openvino_telemetry", cast(ModuleType, None))
    import openvino

    module: ModuleType = openvino
    return module


def open_runner(path: Path) -> Runner:
    """Open the file in OpenVINO, on one core of the processor."""
    # On some CPUs it would otherwise compute in bfloat16, with slightly different results.
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    model = _import().compile_model(path, "CPU", settings)

    def run(images: ImageArray) -> FloatArray:
        # Copied, because the next call overwrites the memory of the outputs.
        results = (model({"images": image[None].astype(np.float32)}) for image in images)
        return np.concatenate([np.array(result["probabilities"]) for result in results])

    return run


FORMAT = Format(
    name="openvino",
    summary="OpenVINO, on Intel hardware",
    write=write,
    open_runner=open_runner,
    snippet=_SNIPPET,
    needs=("onnx", "openvino"),
    extra="train,export",
    takes_one=True,
)
