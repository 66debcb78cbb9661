"""Export to ONNX with weights and activations of 8 bits, calibrated on training photos."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pawsight.exporting.format import Format
from pawsight.exporting.model_folder import ModelFolder
from pawsight.exporting.onnx_format import FILE, SNIPPET, open_runner, with_probabilities
from pawsight.progress import Progress
from pawsight.records import FloatArray, ImageArray
from pawsight.storage.atomic import replacing

# The network's operators; scaling, calibration and softmax stay in float32.
_QUANTIZED = ["Conv", "MatMul", "Gemm", "Add", "MaxPool", "Relu", "Clip", "AveragePool"]


def write(model: ModelFolder, folder: Path, progress: Progress) -> Path:
    """Write `model.onnx`; images and probabilities stay float32."""
    progress.start("Writing ONNX with 8 bits")
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    path = folder / FILE
    with tempfile.TemporaryDirectory(dir=folder) as temporary, _no_preprocessing_advice():
        original, folded = Path(temporary) / "original.onnx", Path(temporary) / "folded.onnx"
        original.write_bytes(with_probabilities(model).SerializeToString())
        quant_pre_process(str(original), str(folded), skip_symbolic_shape=True)
        with replacing(path) as written:
            quantize_static(
                str(folded),
                str(written),
                _Photos(model.calibration),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=_QUANTIZED,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
            )
            quantized = onnx.load(str(written))
            onnx.helper.set_model_props(quantized, model.description.metadata())
            written.write_bytes(quantized.SerializeToString())
    return path


class _Photos:
    """The calibration photos one by one: a `CalibrationDataReader` of ONNX Runtime."""

    def __init__(self, images: ImageArray) -> None:
        self._images: Iterator[Any] = iter(images)

    def get_next(self) -> dict[str, FloatArray] | None:
        """Return the next photo; None after the last."""
        image = next(self._images, None)
        return None if image is None else {"images": image[None].astype(np.float32)}


@contextlib.contextmanager
def _no_preprocessing_advice() -> Iterator[None]:
    """Suppress the advice to preprocess, which ONNX Runtime logs although it has been done."""

    def is_other(record: logging.LogRecord) -> bool:
        return "pre-processing" not in record.getMessage()

    logger = logging.getLogger()
    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)


FORMAT = Format(
    name="onnx-int8",
    summary="ONNX Runtime, smaller: 8 bits per number",
    write=write,
    open_runner=open_runner,
    snippet=SNIPPET,
    is_int8=True,
)
