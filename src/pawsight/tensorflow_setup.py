"""Import TensorFlow as the backend of Keras, with memory growth and without start-up messages."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator

from pawsight.errors import ConfigError, ExtraError
from pawsight.gc_pause import pause_gc

_MIN_ADDRESS_SPACE = 3_000_000_000  # a run of 24 photos of 32 x 32 pixels peaked at 2.9 GB


def prepare_tensorflow() -> None:
    """Import TensorFlow, which takes seconds; call before importing a module that makes tensors.

    Discards its start-up messages, unless TF_CPP_MIN_LOG_LEVEL is set to show them.

    Raises:
        ExtraError: TensorFlow is not installed.
        ConfigError: Keras is set to another backend, or the address space is limited.
    """
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if backend != "tensorflow":
        raise ConfigError(
            f"pawsight trains on Keras' TensorFlow backend, but KERAS_BACKEND is '{backend}'.\n"
            f"Unset it, or set KERAS_BACKEND=tensorflow."
        )
    if importlib.util.find_spec("tensorflow") is None:
        raise ExtraError("Training", "train")
    if "tensorflow" in sys.modules:
        return
    _check_address_space()
    is_quiet = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "3"
    with pause_gc(), discard_native_messages() if is_quiet else contextlib.nullcontext():
        import keras  # noqa: F401
        import tensorflow as tf

        for gpu in tf.config.list_physical_devices("GPU"):
            # By default TensorFlow takes all the memory of a GPU, which others may use as well.
            tf.config.experimental.set_memory_growth(gpu, True)


def _check_address_space() -> None:
    """Check the limit on address space, at which TensorFlow would abort the process."""
    try:
        import resource
    except ImportError:  # on Windows, which has no such limit
        return
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY and limit < _MIN_ADDRESS_SPACE:
        raise ConfigError(
            f"This process may use only {limit / 1e9:.1f} GB of address space, and TensorFlow "
            f"reserves about {_MIN_ADDRESS_SPACE / 1e9:.0f} GB, most of which it never uses.\n"
            f"Raise the limit: ulimit -v unlimited"
        )


@contextlib.contextmanager
def discard_native_messages() -> Iterator[None]:
    """Discard what native code writes to file descriptor 2 while the block runs.

    Python's sys.stderr still reaches the user where it has another descriptor, as
    in the command line and in notebooks.
    """
    try:
        saved = os.dup(2)
    except OSError:  # descriptor 2 is closed
        yield
        return
    discarded = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(discarded, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(discarded)
