"""Export to ONNX with weights and activations of 8 bits, calibrated on training photos."""

from __future__ import annotations

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

# What multiplies and what moves its results on; scaling, logits and softmax stay in float32.
_ROUNDED = ["Conv", "MatMul", "Gemm", "Add", "MaxPool", "Relu", "Clip", "AveragePool"]


def write(model: ModelFolder, folder: Path, progress: Progress) -> Path:
    """Write `model.onnx`; images and probabilities stay float32."""
    progress.start("Writing ONNX with 8 bits")
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    logging.getLogger().addFilter(_about_quantization)
    path = folder / FILE
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        whole, folded = Path(temporary) / "whole.onnx", Path(temporary) / "folded.onnx"
        whole.write_bytes(with_probabilities(model).SerializeToString())
        quant_pre_process(str(whole), str(folded), skip_symbolic_shape=True)
        with replacing(path) as written:
            quantize_static(
                str(folded),
                str(written),
                _Photos(model.calibration),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=_ROUNDED,
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
    """The calibration photos one by one, as ONNX Runtime reads them."""

    def __init__(self, images: ImageArray) -> None:
        self._images: Iterator[Any] = iter(images)

    def get_next(self) -> dict[str, FloatArray] | None:
        """Return the next photo; None when there are no more."""
        image = next(self._images, None)
        return None if image is None else {"images": image[None].astype(np.float32)}


def _about_quantization(record: logging.LogRecord) -> bool:
    """Drop the advice to preprocess, which has been done."""
    return "pre-processing" not in record.getMessage()


FORMAT = Format(
    name="onnx-int8",
    summary="ONNX Runtime, smaller: 8 bits a number",
    write=write,
    open_runner=open_runner,
    snippet=SNIPPET,
    is_int8=True,
)
