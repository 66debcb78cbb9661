"""Choose the number format of multiplications by measuring it on this machine.

Some processors multiply bfloat16 about twice as fast as float32, others emulate
it many times slower. A convolution like those of our networks is timed in both,
forward and backward, which takes a fraction of a second. For a GPU its compute
capability decides.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from pawsight.config import PrecisionChoice
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
        choice: The setting; "auto" measures both formats.
    """
    if choice != "auto":
        return Precision(choice, "as set")
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return of_gpu(details.get("device_name", "GPU"), details.get("compute_capability"))
    convolutions = {dtype: _convolution(dtype) for dtype in (tf.float32, tf.bfloat16)}
    seconds = dict.fromkeys(convolutions, math.inf)
    # In turn, and the best of each: so other work on the machine slows both alike.
    for _ in range(_REPEATS):
        for dtype, convolve in convolutions.items():
            started = time.perf_counter()
            convolve()
            seconds[dtype] = min(seconds[dtype], time.perf_counter() - started)
    gain = seconds[tf.float32] / seconds[tf.bfloat16]
    if gain >= _NEEDED_GAIN:
        return Precision("bfloat16", f"measured {gain:.1f} times as fast as float32 here")
    return Precision(
        "float32", f"bfloat16 measured {gain:.1f} times as fast, which is not a clear gain"
    )


def of_gpu(name: str, capability: tuple[int, int] | None) -> Precision:
    """Choose the number format by the compute capability of a GPU.

    Args:
        name: Of the GPU, for the reason.
        capability: Its CUDA compute capability, None where it has none.
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
        # A part of each gradient must be returned, or the graph would prune it.
        return tf.cast(gradients[0][0, 0, 0, 0] + gradients[1][0, 0, 0, 0], tf.float32)

    def run() -> float:
        return float(convolve())

    run()
    return run
