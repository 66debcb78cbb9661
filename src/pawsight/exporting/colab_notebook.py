"""Export to a notebook for Google Colab, with the ONNX file that it loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pawsight.exporting import onnx_format
from pawsight.exporting.format import Format
from pawsight.exporting.model_folder import ModelFolder
from pawsight.exporting.preprocessing_code import IMPORTS, opening_code, resize_line
from pawsight.progress import Progress
from pawsight.storage.atomic import write_json

_INTRODUCTION = """\
# Predict with a pawsight model

Classes: {classes}. Run the cells from top to bottom. The second cell asks for `model.onnx`, which
is next to this notebook. The last cell asks for photos, and shows the prediction for each photo.
"""
_PACKAGES = """\
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("onnxruntime") is None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "onnxruntime"], check=True)
"""
_MODEL = """\
import os
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # so that ONNX Runtime sends no telemetry
import onnxruntime
from google.colab import files

if not Path("model.onnx").exists():
    print("Choose model.onnx:")
    Path("model.onnx").write_bytes(next(iter(files.upload().values())))
session = onnxruntime.InferenceSession("model.onnx")
outputs = [output.name for output in session.get_outputs()]
"""
_READING = """\
{imports}from IPython.display import display

class_names = {class_names!r}


{opening}

def predict(photo):
    {resize_line}
    images = np.asarray(photo, np.float32)[None]  # [1, {height}, {width}, 3], 0..255
    return {{name: rows[0] for name, rows in zip(outputs, session.run(None, {{"images": images}}))}}
"""
_PREDICTING = """\
for name, content in files.upload().items():
    try:
        photo = open_photo(io.BytesIO(content))
    except OSError as error:
        print(f"{name}: {error}")
        continue
    prediction = predict(photo)
    best = int(prediction["probabilities"].argmax())
    answer = f"{class_names[best]} ({prediction['probabilities'][best]:.1%})"
    if prediction.get("ood_score", 0) > 1:
        answer = f"none, unlike all training photos (most probable class: {answer})"
    print(f"{name}: {answer}")
    photo.thumbnail((240, 240))
    display(photo)
"""


def write(model: ModelFolder, folder: Path, progress: Progress) -> Path:
    """Write `predict.ipynb` and `model.onnx`; return the path of `model.onnx`."""
    path = onnx_format.write(model, folder, progress)
    height, width = model.description.image_size
    reading = _READING.format(
        imports=IMPORTS,
        opening=opening_code(model.description.pixel_scale),
        class_names=list(model.description.class_names),
        resize_line=resize_line(model).replace("\n", "\n    "),
        height=height,
        width=width,
    )
    introduction = _INTRODUCTION.format(classes=", ".join(model.description.class_names))
    code = (_PACKAGES, _MODEL, reading, _PREDICTING)
    code_cells = [_cell("code", text, number) for number, text in enumerate(code, 1)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {
        "cells": [_cell("markdown", introduction, 0), *code_cells],
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    write_json(folder / "predict.ipynb", notebook)
    return path


def _cell(kind: str, text: str, number: int) -> dict[str, Any]:
    lines = text.rstrip("\n").splitlines(keepends=True)
    cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": lines}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


FORMAT = Format(
    name="colab",
    summary="a notebook for Google Colab, with the ONNX file",
    write=write,
    open_runner=onnx_format.open_runner,  # the notebook also uses ONNX Runtime
    takes_labels=False,
    has_ood_score=True,
)
