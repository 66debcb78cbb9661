"""Export to a TensorFlow SavedModel, for TensorFlow Serving and other tools."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from pawsight.exporting.format import Format, Runner
from pawsight.exporting.model_folder import ModelFolder
from pawsight.progress import Progress
from pawsight.records import FloatArray, ImageArray
from pawsight.tensorflow_setup import prepare_tensorflow

_SNIPPET = """\
import tensorflow as tf

model = tf.saved_model.load("saved_model")
infer = model.signatures["serving_default"]
probabilities = infer(images=tf.constant(images))["probabilities"][0].numpy()
"""


def write(model: ModelFolder, folder: Path, progress: Progress) -> Path:
    """Write `saved_model/`, with its description in `assets.extra/model.json`."""
    progress.start("Writing the SavedModel")
    path = folder / "saved_model"
    _save(model, path)
    extra = path / "assets.extra"  # the folder for files that TensorFlow does not read
    extra.mkdir()
    text = json.dumps(model.description.usage(), indent=2, ensure_ascii=False)
    (extra / "model.json").write_text(text + "\n", encoding="utf-8")
    return path


def _save(model: ModelFolder, path: Path) -> None:
    prepare_tensorflow()
    import tensorflow as tf

    from pawsight.exporting.plain_keras import plain_model

    holder = tf.Module()
    holder.network = plain_model(model)
    images = tf.TensorSpec((None, *model.description.image_size, 3), tf.float32, name="images")

    @tf.function(input_signature=(images,))
    def infer(images: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs: dict[str, tf.Tensor] = holder.network(images, training=False)
        return outputs

    tf.saved_model.save(holder, str(path), signatures={"serving_default": infer})


def open_runner(path: Path) -> Runner:
    """Load the folder in TensorFlow."""
    import tensorflow as tf

    model = tf.saved_model.load(str(path))
    infer = model.signatures["serving_default"]

    def run(images: ImageArray, model: object = model) -> FloatArray:  # keeps `model` alive
        probabilities = infer(images=tf.constant(images.astype(np.float32)))["probabilities"]
        return np.asarray(probabilities)

    return run


FORMAT = Format(
    name="savedmodel",
    summary="TensorFlow and TensorFlow Serving",
    write=write,
    open_runner=open_runner,
    snippet=_SNIPPET,
    needs=("keras", "tensorflow"),
    is_keras=True,
)
