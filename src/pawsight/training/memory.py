"""Estimate the memory that training needs, and choose batches that fit this machine.

The estimate counts the outputs of all operations of the traced network for one photo,
since a step keeps them for its gradient. The peaks measured on a CPU with `swift` and
`colab`, at 128 to 300 pixels and batches of 64 to 512, were 0.7 to 1.0 times the
estimate in float32, and 0.7 times the estimate in bfloat16.
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
# Largest share of the memory for a batch size that pawsight chooses.
_PLANNED_SHARE = 0.75
# Largest share for a batch size that the user chose; above 1, since the estimate is rather high.
_REFUSED_SHARE = 1.5
# Weights, gradients, two variables of the optimizer, the best weights, and a checkpoint's copies.
_COPIES = 8
# Operations whose outputs take no additional memory.
_FREE_OPERATIONS = ("Const", "ReadVariableOp", "Placeholder", "Identity", "Reshape", "NoOp")


def photo_bytes(model: keras.Model, plan: Plan) -> float:
    """Return the estimated bytes that a step keeps for each photo, at the plan's largest size."""
    size = max((plan.image_size, *(stage.image_size for stage in plan.stages)), key=math.prod)
    traced = tf.function(lambda images: model(images, training=True)).get_concrete_function(
        tf.TensorSpec((1, *size, 3), tf.float32)
    )
    num_bytes = sum(
        result.shape.num_elements() * result.dtype.size
        for operation in traced.graph.get_operations()
        if operation.type not in _FREE_OPERATIONS
        for result in operation.outputs
        if result.shape.is_fully_defined() and result.dtype not in (tf.resource, tf.variant)
    )
    return num_bytes if plan.precision == "float32" else num_bytes / 2


def needed_bytes(model: keras.Model, plan: Plan, per_photo: float) -> float:
    """Return the estimated bytes that training needs; `per_photo` is that of `photo_bytes`."""
    return _PROGRAM_BYTES + 4 * _COPIES * model.count_params() + plan.batch_size * per_photo


def fitting_batch_size(model: keras.Model, plan: Plan, per_photo: float, is_chosen: bool) -> int:
    """Return the batch size of the plan, halved until it fits into the memory.

    Args:
        model: The network.
        plan: The plan, with its batch size.
        per_photo: The result of `photo_bytes`.
        is_chosen: Whether the user chose the batch size, which is then kept or refused.

    Raises:
        TrainingError: This machine has too little memory for any batch, or for the chosen size.
    """
    available = machine.memory()
    needed = needed_bytes(model, plan, per_photo)
    max_share = _REFUSED_SHARE if is_chosen else _PLANNED_SHARE
    if available is None or needed <= available * max_share:
        return plan.batch_size
    batch_size = 1 if is_chosen else plan.batch_size
    while batch_size > 1 and needed > available * _PLANNED_SHARE:
        batch_size //= 2
        smaller = plan.model_copy(update={"batch_size": batch_size})
        needed = needed_bytes(model, smaller, per_photo)
    if is_chosen or needed > available * _REFUSED_SHARE:
        height, width = plan.image_size
        option = "--batch-size or --image-size" if is_chosen else "--image-size"
        raise TrainingError(
            f"Training needs about {in_gigabytes(needed)} of memory for {width} x {height} pixels "
            f"in batches of {plan.batch_size if is_chosen else batch_size:,}, but this machine has "
            f"{in_gigabytes(available)}.\nGive a smaller {option}."
        )
    return batch_size


def in_gigabytes(num_bytes: float) -> str:
    """Return a number of bytes as text, such as "1.4 GB"."""
    return f"{num_bytes / 1e9:,.1f} GB"


@contextlib.contextmanager
def memory_errors(plan: Plan) -> Iterator[None]:
    """Translate TensorFlow's out-of-memory error.

    Raises:
        TrainingError: In the block, there was not enough memory for a tensor.
    """
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise TrainingError(
            f"There is not enough memory for batches of {plan.batch_size:,} photos.\n"
            f"Start a new run with a smaller --batch-size or --image-size."
        ) from error
