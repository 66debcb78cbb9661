"""Check that an ONNX file computes what its model computes. Needs no TensorFlow."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pawsight.errors import ModelError
from pawsight.models.onnx_session import new_session
from pawsight.records import FloatArray, ImageArray
from pawsight.task import SINGLE_LABEL, Task

# Allows for float32 sums in another order; a wrong weight or layout gives 0.01 and more.
TOLERANCE = 1e-4


def check_agreement(
    path: Path, images: ImageArray, logits: FloatArray, task: Task = SINGLE_LABEL
) -> float:
    """Run an ONNX file on images, and compare its probabilities with those of the model.

    Args:
        path: The ONNX file.
        images: uint8 [N, H, W, 3], N at least 1.
        logits: The model's logits for the images, [N, K].
        task: Decides whether probabilities are the softmax or the sigmoid of the logits.

    Returns:
        The largest difference of any probability.

    Raises:
        ModelError: The difference is above `TOLERANCE`.
    """
    session = new_session(path.read_bytes())
    logits_of_file = session.run(["logits"], {"images": images.astype(np.float32)})[0]
    difference = float(
        np.abs(task.probabilities(logits_of_file) - task.probabilities(logits)).max()
    )
    if not difference <= TOLERANCE:
        raise ModelError(
            f"The ONNX file does not compute what the model computes: probabilities differ by "
            f"{difference:.2g} on {len(images)} photos, where {TOLERANCE:g} is allowed."
        )
    return difference
