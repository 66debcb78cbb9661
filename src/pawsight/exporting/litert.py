"""Export to LiteRT (TensorFlow Lite), for phones and small computers."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pawsight.exporting.format import Format, Runner
from pawsight.exporting.model_folder import ModelFolder
from pawsight.progress import Progress
from pawsight.records import FloatArray, ImageArray
from pawsight.storage.atomic import replacing
from pawsight.tensorflow_setup import discard_native_messages, prepare_tensorflow

_SNIPPET = """\
from ai_edge_litert.interpreter import Interpreter

infer = Interpreter("model.tflite").get_signature_runner()
probabilities = infer(images=images)["probabilities"][0]
"""


def write(model: ModelFolder, folder: Path, progress: Progress) -> Path:
    """Write `model.tflite`, in float32, for one photo at a time."""
    progress.start("Writing LiteRT")
    return _convert(model, folder, is_int8=False)


def write_int8(model: ModelFolder, folder: Path, progress: Progress) -> Path:
    """Write `model.tflite` in 8 bits; images and probabilities stay float32."""
    progress.start("Writing LiteRT with 8 bits")
    return _convert(model, folder, is_int8=True)


def _convert(model: ModelFolder, folder: Path, is_int8: bool) -> Path:
    """Write `model.tflite`; with `is_int8`, quantised with the calibration photos."""
    prepare_tensorflow()
    import tensorflow as tf

    path = folder / "model.tflite"
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        saved = Path(temporary) / "saved_model"
        _save_constants(model, saved)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
        if is_int8:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: _samples(model.calibration)
        with discard_native_messages(), warnings.catch_warnings():
            # TensorFlow's converter uses its deprecated interpreter for the calibration.
            warnings.filterwarnings("ignore", ".*tf.lite.Interpreter is deprecated", UserWarning)
            content: bytes = converter.convert()
    with replacing(path) as written:
        written.write_bytes(content)
    return path


def _save_constants(model: ModelFolder, path: Path) -> None:
    """Save the model for one photo as a SavedModel with constants instead of variables.

    The converter turns the variables of a Keras 3 model into LiteRT variables that are never
    assigned (TensorFlow 2.21).
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    from pawsight.exporting.plain_keras import plain_model

    network = plain_model(model)
    images = tf.TensorSpec((1, *model.description.image_size, 3), tf.float32, name="images")

    @tf.function(input_signature=(images,))
    def infer(images: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs: dict[str, tf.Tensor] = network(images, training=False)
        return outputs

    holder = tf.Module()
    holder.constant = convert_variables_to_constants_v2(infer.get_concrete_function())

    @tf.function(input_signature=(images,))
    def signature(images: tf.Tensor) -> dict[str, tf.Tensor]:
        # The converted function returns the values of the dict as a list, in order of the keys.
        return dict(zip(("logits", "probabilities"), holder.constant(images), strict=True))

    # Custom gradients, such as that of swish, would refer to functions that are not saved.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(
        holder, str(path), signatures={"serving_default": signature}, options=options
    )


def _samples(images: ImageArray) -> Iterator[dict[str, Any]]:
    for image in images:
        yield {"images": image[None].astype(np.float32)}


def open_runner(path: Path) -> Runner:
    """Open the file in LiteRT's interpreter, on one core."""
    from ai_edge_litert.interpreter import Interpreter

    with discard_native_messages():
        interpreter = Interpreter(str(path), num_threads=1)
        interpreter.allocate_tensors()
        infer = interpreter.get_signature_runner()

    def run(images: ImageArray) -> FloatArray:
        probabilities = [
            infer(images=image[None].astype(np.float32))["probabilities"] for image in images
        ]
        return np.concatenate(probabilities)

    return run


FORMAT = Format(
    name="litert",
    summary="LiteRT (TensorFlow Lite), on phones and small computers",
    write=write,
    open_runner=open_runner,
    snippet=_SNIPPET,
    needs=("keras", "tensorflow", "ai_edge_litert"),
    extra="train,export",
    is_keras=True,
    takes_one=True,
)
INT8_FORMAT = replace(
    FORMAT,
    name="litert-int8",
    summary="LiteRT, smaller: 8 bits per number",
    write=write_int8,
    is_int8=True,
)
