"""Make TensorFlow ready to be imported: whether it is there, which backend, how loud."""

from __future__ import annotations

import importlib.util
import os

from pawsight.errors import ConfigError, ExtraError


def prepare_tensorflow() -> None:
    """Call before the first import of a room that makes tensors.

    Keeps TensorFlow's own start-up messages off the screen, unless
    TF_CPP_MIN_LOG_LEVEL says otherwise.

    Raises:
        ExtraError: TensorFlow is not installed.
        ConfigError: Keras is set to another backend.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if backend != "tensorflow":
        raise ConfigError(
            f"pawsight trains on Keras' TensorFlow backend, but KERAS_BACKEND is '{backend}'.\n"
            f"Unset it, or set KERAS_BACKEND=tensorflow."
        )
    if importlib.util.find_spec("tensorflow") is None:
        raise ExtraError("Training", "train")
