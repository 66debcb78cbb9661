"""The model as an ONNX file, and the proof that it computes the same.

The graph takes "images", float32 [N, H, W, 3] with values 0..255, and gives
"logits", float32 [N, K], always one column a class. It holds the scaling but
not the decoding and resizing of photos, which `inference/` does.
"""

from __future__ import annotations

import logging
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tf2onnx

from pawsight.errors import ModelError
from pawsight.models.onnx_check import check_agreement
from pawsight.records import ImageArray
from pawsight.storage.atomic import replacing

# Opset 17 is the newest that tf2onnx 1.17 was tested with by its authors; every runtime
# since 2022 reads it.
_OPSET = 17


def columns(logits: tf.Tensor) -> tf.Tensor:
    """Logits with one column per class: sigmoid(z) = softmax([0, z])."""
    if logits.shape[-1] > 1:
        return logits
    return tf.concat([tf.zeros_like(logits), logits], axis=-1)


def export_onnx(model: keras.Model, path: Path) -> None:
    """Write a float32 model, without its training behaviour, as ONNX.

    Raises:
        ModelError: The model cannot be expressed in ONNX.
        DiskError: The file cannot be written.
    """
    images = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="images")

    @tf.function(input_signature=(images,))
    def infer(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"logits": columns(model(images, training=False))}

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    try:
        proto, _ = tf2onnx.convert.from_function(infer, input_signature=(images,), opset=_OPSET)
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"This model cannot be written as ONNX: {error}") from error
    with replacing(path) as temporary:
        temporary.write_bytes(proto.SerializeToString())


def check_onnx(model: keras.Model, path: Path, images: ImageArray) -> float:
    """Run the float32 model that was exported and its ONNX file on the same images.

    Args, returns, raises: As `agreement.check_agreement`.
    """
    logits = columns(model(images.astype(np.float32), training=False)).numpy()
    return check_agreement(path, images, logits)
