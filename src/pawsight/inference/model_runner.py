"""Run a model's ONNX file on images in the calling thread."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from pawsight.errors import RunError, first_line
from pawsight.formatting import counted
from pawsight.inference.run_timeout import RunTimeoutError, run_with_timeout
from pawsight.models import builtin
from pawsight.models.description import ModelDescription
from pawsight.models.onnx_session import open_session
from pawsight.records import FloatArray, ImageArray
from pawsight.runs import Run

# Generous, so that a busy machine does not exceed it.
_LIMIT_SECONDS = 60.0
_LIMIT_SECONDS_PER_IMAGE = 10.0


def outputs_features(description: ModelDescription, session: Any) -> bool:
    """Return whether a model outputs the features of the shipped network."""
    is_builtin = description.architecture == builtin.NAME
    return is_builtin and any(output.name == "features" for output in session.get_outputs())


class ModelRunner:
    """The session of a run's model; many threads may use it.

    Args:
        run: The run.
        description: Its `model.json`.
        with_features: Whether to return features, too, if the model is the shipped network or a
            head on it.

    Raises:
        RunError: The model is missing or damaged.
    """

    def __init__(self, run: Run, description: ModelDescription, with_features: bool) -> None:
        self._path = run.onnx_path
        self._num_classes = len(description.class_names)
        self._session = open_session(run.onnx_path, description)
        self._outputs = ["logits"]
        if with_features and outputs_features(description, self._session):
            self._outputs.append("features")
        self.gives_features = len(self._outputs) > 1
        self._buffers = threading.local()

    def run(self, images: ImageArray) -> tuple[FloatArray, FloatArray | None]:
        """Run the model.

        Args:
            images: uint8, shape [N, H, W, 3], of the model's image size.

        Returns:
            Logits, float32 [N, K]; and features, float32 [N, F], or None if they are not
            requested or the model does not output them.

        Raises:
            RunError: The model failed, took too long, or its logits are not finite.
        """
        limit = _LIMIT_SECONDS + _LIMIT_SECONDS_PER_IMAGE * len(images)
        try:
            outputs = run_with_timeout(
                limit, self._session, self._outputs, {"images": self.as_floats(images)}
            )
        except RunTimeoutError as error:
            raise RunError(
                f"{self._path} took more than {limit:.0f} seconds for "
                f"{counted(len(images), 'photo')} and was stopped.\n"
                f"Train again, or copy the run folder again."
            ) from error
        except Exception as error:  # ONNX Runtime's errors share no base class
            if "Failed to allocate memory" in str(error):
                raise RunError(
                    f"There is not enough memory to run {self._path} on "
                    f"{counted(len(images), 'photo')}.\n"
                    f"End other programs, or try a smaller --batch-size."
                ) from error
            raise RunError(
                f"{self._path} failed on a photo ({first_line(error)}): "
                f"the model is damaged.\nTrain again, or copy the run folder again."
            ) from error
        logits, features = outputs[0], outputs[1] if len(outputs) > 1 else None
        if logits.shape != (len(images), self._num_classes) or not np.isfinite(logits).all():
            raise RunError(
                f"{self._path} did not return finite logits of "
                f"{self._num_classes} classes: the model is damaged.\n"
                f"Train again, or copy the run folder again."
            )
        return np.asarray(logits, np.float32), features

    def as_floats(self, images: ImageArray) -> FloatArray:
        """Return images as float32 in a buffer, which the next call in this thread overwrites.

        A new buffer would take longer than the copy, since the system clears its memory.
        """
        buffer: FloatArray | None = getattr(self._buffers, "floats", None)
        if buffer is None or buffer.shape[1:] != images.shape[1:] or len(buffer) < len(images):
            buffer = self._buffers.floats = np.empty(images.shape, np.float32)
        np.copyto(buffer[: len(images)], images)
        return buffer[: len(images)]
