"""Export to a `.keras` file, which Keras loads without pawsight."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pawsight.exporting.format import Format, Runner
from pawsight.exporting.model_folder import ModelFolder
from pawsight.models.description import ModelDescription
from pawsight.models.registry import find_network
from pawsight.progress import Progress
from pawsight.records import FloatArray, ImageArray
from pawsight.tensorflow_setup import prepare_tensorflow

_SNIPPET = """\
import keras

model = keras.models.load_model("model.keras")
probabilities = model.predict_on_batch(images)["probabilities"][0]
"""


def write(model: ModelFolder, folder: Path, progress: Progress) -> Path:
    """Write `model.keras`."""
    progress.start("Writing the Keras file")
    prepare_tensorflow()
    from pawsight.exporting.plain_keras import plain_model

    path = folder / "model.keras"
    plain_model(model).save(path)
    return path


def _snippet(description: ModelDescription) -> str:
    """Return the code that loads the file, with the import of the package of its layers."""
    package = find_network(description.architecture or "").package
    return _SNIPPET if package == "keras" else f"import {package}  # its layers\n{_SNIPPET}"


def open_runner(path: Path) -> Runner:
    """Load the file in Keras."""
    import keras

    model = keras.models.load_model(path)

    def run(images: ImageArray) -> FloatArray:
        probabilities = model.predict_on_batch(images.astype(np.float32))["probabilities"]
        return np.asarray(probabilities)

    return run


FORMAT = Format(
    name="keras",
    summary="Keras, without pawsight",
    write=write,
    open_runner=open_runner,
    snippet=_snippet,
    needs=("keras", "tensorflow"),
    is_keras=True,
)
