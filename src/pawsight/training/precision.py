"""Choose the number format of multiplications by measuring it on this machine.

Some CPUs multiply bfloat16 about twice as fast as float32, others emulate it many
times slower. A typical convolution is timed in both formats, forward and backward,
which takes a fraction of a second. The choice is cached for this CPU and this
version of TensorFlow, so that later runs decide the same however busy the machine is.
On a GPU, the compute capability decides.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import tensorflow as tf
from pydantic import TypeAdapter

from pawsight import machine
from pawsight.config import PrecisionChoice, PrecisionName
from pawsight.errors import DiskError
from pawsight.storage.atomic import write_json
from pawsight.storage.cache import cache_dir

# bfloat16 must be this many times as fast: near 1, noise would decide.
_NEEDED_GAIN = 1.25
_REPEATS = 6


@dataclass(frozen=True, slots=True)
class Precision:
    """A number format, and the reason for it, for the user."""

    name: PrecisionName
    reason: str


def choose(choice: PrecisionChoice = "auto") -> Precision:
    """Choose the number format for training on this machine.

    Args:
        choice: The setting; "auto" measures float32 and bfloat16.
    """
    if choice != "auto":
        return Precision(choice, "as set")
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return of_gpu(details.get("device_name", "GPU"), details.get("compute_capability"))
    key = f"{machine.processor()}, {machine.num_cpus()} cores, TensorFlow {tf.__version__}"
    cached = _read_cache()
    if key in cached:
        return cached[key]
    cached[key] = _measure()
    with contextlib.suppress(DiskError):  # without a cache, every run measures again
        write_json(kept_path(), {name: asdict(precision) for name, precision in cached.items()})
    return cached[key]


def kept_path() -> Path:
    """Return the path of the cached measurements; raises DiskError."""
    return cache_dir() / "precision.json"


def _read_cache() -> dict[str, Precision]:
    """Return earlier choices by CPU and TensorFlow version; empty if the file is damaged."""
    with contextlib.suppress(OSError, ValueError, RecursionError, DiskError):
        content = json.loads(kept_path().read_text(encoding="utf-8"))
        return TypeAdapter(dict[str, Precision]).validate_python(content)
    return {}


def _measure() -> Precision:
    convolutions = {dtype: _convolution(dtype) for dtype in (tf.float32, tf.bfloat16)}
    seconds = dict.fromkeys(convolutions, math.inf)
    # In turn, and the best of each, so that other load affects both formats alike.
    for _ in range(_REPEATS):
        for dtype, convolve in convolutions.items():
            started = time.perf_counter()
            convolve()
            seconds[dtype] = min(seconds[dtype], machine.elapsed_seconds(started))
    gain = seconds[tf.float32] / seconds[tf.bfloat16]
    if gain >= _NEEDED_GAIN:
        return Precision("bfloat16", f"measured {gain:.1f} times as fast as float32 here")
    return Precision(
        "float32", f"bfloat16 measured {gain:.1f} times as fast, which is not a clear gain"
    )


def of_gpu(name: str, capability: tuple[int, int] | None) -> Precision:
    """Choose the number format for a GPU.

    Args:
        name: The GPU's name.
        capability: Its CUDA compute capability, (major, minor); None if unknown.
    """
    if capability is not None and capability >= (8, 0):
        return Precision("bfloat16", f"{name} multiplies it in its tensor cores")
    if capability is not None and capability >= (7, 0):
        return Precision("float16", f"{name} multiplies it in its tensor cores")
    return Precision("float32", f"{name} has no tensor cores")


def _convolution(dtype: tf.DType) -> Callable[[], float]:
    """Compile a 3x3 convolution of 64 channels, forward and backward, and run it once."""
    images = tf.ones((32, 48, 48, 64), dtype)
    kernel = tf.ones((3, 3, 64, 64), dtype) / 576

    @tf.function
    def convolve() -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch([images, kernel])
            outputs = tf.nn.relu(tf.nn.conv2d(images, kernel, 1, "SAME"))
        gradients = tape.gradient(outputs, [images, kernel])
        # A value of each gradient is returned, because TensorFlow prunes unused operations.
        return tf.cast(gradients[0][0, 0, 0, 0] + gradients[1][0, 0, 0, 0], tf.float32)

    def run() -> float:
        return float(convolve())

    run()
    return run
