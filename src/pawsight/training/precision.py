"""Choose the number format of multiplications by measuring it on this machine.

Some processors multiply bfloat16 about twice as fast as float32, others emulate
it many times slower. A convolution like those of our networks is timed in both,
forward and backward, which takes a fraction of a second, once: the choice is kept
in the cache, for this processor and this TensorFlow, so that a second run decides
alike however busy the machine is. For a GPU its compute capability decides.
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
from pawsight.config import PrecisionChoice
from pawsight.errors import DiskError
from pawsight.storage.atomic import write_json
from pawsight.storage.cache import cache_dir
from pawsight.training.plan import PrecisionName

# bfloat16 must win clearly: near 1, noise would flip the choice from run to run.
_NEEDED_GAIN = 1.25
_REPEATS = 6


@dataclass(frozen=True, slots=True)
class Precision:
    """The format, and the reason for it as the user reads it."""

    name: PrecisionName
    reason: str


def choose(choice: PrecisionChoice = "auto") -> Precision:
    """Choose the number format for training on this machine.

    Args:
        choice: The setting; "auto" takes what was measured of both formats.
    """
    if choice != "auto":
        return Precision(choice, "as set")
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return of_gpu(details.get("device_name", "GPU"), details.get("compute_capability"))
    key = f"{machine.processor()}, {machine.num_cpus()} cores, TensorFlow {tf.__version__}"
    kept = _read_kept()
    if key in kept:
        return kept[key]
    measured = _measure()
    with contextlib.suppress(DiskError):  # not kept, it is measured again the next time
        write_json(
            kept_path(), {name: asdict(one) for name, one in {**kept, key: measured}.items()}
        )
    return measured


def kept_path() -> Path:
    """Return the file that keeps what was measured; raises DiskError."""
    return cache_dir() / "precision.json"


def _read_kept() -> dict[str, Precision]:
    """Return what was measured before, by processor and version; nothing if it is damaged."""
    with contextlib.suppress(OSError, ValueError, RecursionError, DiskError):
        measured = json.loads(kept_path().read_text(encoding="utf-8"))
        return TypeAdapter(dict[str, Precision]).validate_python(measured)
    return {}


def _measure() -> Precision:
    convolutions = {dtype: _convolution(dtype) for dtype in (tf.float32, tf.bfloat16)}
    seconds = dict.fromkeys(convolutions, math.inf)
    # In turn, and the best of each: so other work on the machine slows both alike.
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
    """Choose the number format by the CUDA compute capability of a GPU, None where it has none."""
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
        # A part of each gradient must be returned, or the graph would prune it.
        return tf.cast(gradients[0][0, 0, 0, 0] + gradients[1][0, 0, 0, 0], tf.float32)

    def run() -> float:
        return float(convolve())

    run()
    return run
