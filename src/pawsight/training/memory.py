"""Estimate the memory that training needs, and plan batches that fit this machine.

What a step keeps for its gradient is counted in the traced network: the results
of all operations for one photo. Peaks measured on a processor with `swift` and
`colab`, at 128 to 300 pixels and batches of 64 to 512, were 0.7 to 1.0 times
the estimate in float32, and 0.7 times in bfloat16, where half of it counts.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

import keras
import tensorflow as tf

from pawsight import machine
from pawsight.errors import TrainingError
from pawsight.training.plan import Plan

# Python, TensorFlow and the photos of a few batches, before the first step.
_PROGRAM_BYTES = 900e6
# A batch size that pawsight chooses keeps within this share of the memory.
_PLANNED_SHARE = 0.75
# One that the user chose is refused only beyond this: the estimate is high rather than low.
_REFUSED_SHARE = 1.5
# Weights, gradients, two variables of the optimizer, the best weights, and a checkpoint's copies.
_COPIES = 8
_NO_RESULT = ("Const", "ReadVariableOp", "Placeholder", "Identity", "Reshape", "NoOp")


def photo_bytes(model: keras.Model, plan: Plan) -> float:
    """Return the bytes that a training step keeps for each photo, at the plan's largest size."""
    size = max((plan.image_size, *(stage.image_size for stage in plan.stages)), key=math.prod)
    traced = tf.function(lambda images: model(images, training=True)).get_concrete_function(
        tf.TensorSpec((1, *size, 3), tf.float32)
    )
    num_bytes = sum(
        result.shape.num_elements() * result.dtype.size
        for operation in traced.graph.get_operations()
        if operation.type not in _NO_RESULT
        for result in operation.outputs
        if result.shape.is_fully_defined() and result.dtype not in (tf.resource, tf.variant)
    )
    return num_bytes if plan.precision == "float32" else num_bytes / 2


def needed_bytes(model: keras.Model, plan: Plan, per_photo: float) -> float:
    """Return the memory that training needs in all."""
    return _PROGRAM_BYTES + 4 * _COPIES * model.count_params() + plan.batch_size * per_photo


def fitting_batch_size(model: keras.Model, plan: Plan, per_photo: float, is_chosen: bool) -> int:
    """Return the batch size of the plan, or the largest half, quarter, ... that fits the memory.

    Args:
        model: The network.
        plan: The plan, with its batch size.
        per_photo: What `photo_bytes` returned.
        is_chosen: Whether the user chose the batch size; it is kept or refused then.

    Raises:
        TrainingError: This machine has too little memory for any batch, or for the chosen one.
    """
    there = machine.memory()
    needed = needed_bytes(model, plan, per_photo)
    if there is None or needed <= there * (_REFUSED_SHARE if is_chosen else _PLANNED_SHARE):
        return plan.batch_size
    batch_size = 1 if is_chosen else plan.batch_size
    while batch_size > 1 and needed > there * _PLANNED_SHARE:
        batch_size //= 2
        smaller = plan.model_copy(update={"batch_size": batch_size})
        needed = needed_bytes(model, smaller, per_photo)
    if is_chosen or needed > there * _REFUSED_SHARE:
        height, width = plan.image_size
        option = "--batch-size or --image-size" if is_chosen else "--image-size"
        raise TrainingError(
            f"Training needs about {in_gigabytes(needed)} of memory for {width} x {height} pixels "
            f"in batches of {plan.batch_size if is_chosen else batch_size:,}, and this machine has "
            f"{in_gigabytes(there)}.\nGive a smaller {option}."
        )
    return batch_size


def in_gigabytes(num_bytes: float) -> str:
    """Return a number of bytes as text, such as "1.4 GB"."""
    return f"{num_bytes / 1e9:,.1f} GB"


@contextlib.contextmanager
def memory_errors(plan: Plan) -> Iterator[None]:
    """Translate TensorFlow's error where a tensor finds no memory.

    Raises:
        TrainingError: In its place, with what to change.
    """
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise TrainingError(
            f"There is not enough memory for batches of {plan.batch_size:,} photos.\n"
            f"Start a new run with a smaller --batch-size or --image-size."
        ) from error
