"""Export to OpenVINO: Intel's processors, graphics and accelerators.

Importing `openvino` sends telemetry to Intel, unless the package that sends it
is missing: so it is hidden while pawsight imports it.
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

sys.modules.setdefault("openvino_telemetry", None)  # so that OpenVINO reports nothing to its makers
import openvino

model = openvino.compile_model("model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
probabilities = model({"images": images})["probabilities"][0]
"""


def write(model: ModelFolder, folder: Path, progress: Progress) -> Path:
    """Write `model.xml` and `model.bin`, in float32 and for one photo at a time, by ONNX."""
    progress.start("Writing OpenVINO")
    openvino = _import()
    network = openvino.Core().read_model(_with_float_weights(model, folder))
    # OpenVINO 2026.4 gives wrong answers for several photos at once where a factor is one number a
    # photo, as in the shipped model: probabilities were up to 0.5 off.
    network.reshape([1, *model.description.image_size, 3])
    for name, value in model.description.usage().items():
        network.set_rt_info(json.dumps(value), ["pawsight", name])
    path = folder / "model.xml"
    openvino.save_model(network, path, compress_to_fp16=False)
    return path


def _with_float_weights(model: ModelFolder, folder: Path) -> bytes:
    """Return the model as ONNX, with weights as float32 constants, not computed from bytes.

    Where OpenVINO finds weights that are kept as bytes, it rounds what they are multiplied with to
    bytes too, which moved probabilities of the shipped model by up to 0.005 (OpenVINO 2026.4).
    """
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        path = Path(temporary) / "folded.onnx"
        new_session(with_probabilities(model).SerializeToString(), folded_path=path)
        return path.read_bytes()


def _import() -> ModuleType:
    # None here makes the import of that package fail, which OpenVINO expects.
    sys.modules.setdefault("openvino_telemetry", cast(ModuleType, None))
    import openvino

    module: ModuleType = openvino
    return module


def open_runner(path: Path) -> Runner:
    """Open the file in OpenVINO, on one core of the processor."""
    # On some processors it would otherwise compute in bfloat16, with slightly other results.
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    model = _import().compile_model(path, "CPU", settings)

    def run(images: ImageArray) -> FloatArray:
        # Copies: the memory of an answer is used again for the next one.
        outputs = (model({"images": image[None].astype(np.float32)}) for image in images)
        return np.concatenate([np.array(answer["probabilities"]) for answer in outputs])

    return run


FORMAT = Format(
    name="openvino",
    summary="OpenVINO, on hardware of Intel",
    write=write,
    open_runner=open_runner,
    snippet=_SNIPPET,
    needs=("onnx", "openvino"),
    extra="train,export",
    takes_one=True,
)
