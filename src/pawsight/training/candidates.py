"""Alternatives to the final weights at full size: smaller images, and averaged weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pawsight.formatting import percent
from pawsight.history import Epoch, best_epoch, load_history
from pawsight.runs import Run
from pawsight.task import task_of
from pawsight.training.plan import Plan, load_plan


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """Weights with an image size, which may become the model."""

    weights: list[np.ndarray]  # as `State.weights` returns them
    image_size: tuple[int, int]  # (height, width) in pixels
    is_average: bool  # whether they are the average of the initial and the final weights


def candidates(
    plan: Plan, initial: list[np.ndarray] | None, final: list[np.ndarray]
) -> Iterator[Candidate]:
    """Yield the final weights with smaller images, then the averaged weights with each size.

    Args:
        plan: Has the sizes.
        initial: The weights before the first step if they were pretrained, else None.
        final: The weights after the last step.
    """
    for size in plan.finished_sizes:
        yield Candidate(final, size, False)
    if initial is not None:
        averaged = average(initial, final)
        for size in (plan.image_size, *plan.finished_sizes):
            yield Candidate(averaged, size, True)


def average(initial: list[np.ndarray], final: list[np.ndarray]) -> list[np.ndarray]:
    """Return the average of a network's weights before and after fine-tuning.

    Fine-tuning stays within one basin of the loss, so the average is a working network, too:
    often as accurate, better calibrated, and better on photos unlike the training photos.
    Source: arXiv:2109.01903.

    Args:
        initial: Arrays, as `State.weights` returns them.
        final: Arrays of the same shapes and types.

    Returns:
        Arrays of the same types. Arrays without floating-point numbers, such as counters, are
        those of `final`.
    """
    return [
        ((before.astype(np.float32) + after.astype(np.float32)) / 2).astype(after.dtype)
        if np.issubdtype(after.dtype, np.floating)
        else after
        for before, after in zip(initial, final, strict=True)
    ]


def kept_size(run: Run) -> tuple[int, int]:
    """Return the image size, (height, width) in pixels, of the best row of a run's history."""
    return best_epoch(load_history(run.history_path)).image_size(load_plan(run).image_size)


def describe_kept(history: list[Epoch], plan: Plan) -> str:
    """Return a sentence on which weights became the model, at which size, and why."""
    best = next(row for row in history if row.is_best)
    if best.step == 0:
        return "Fine-tuning did not improve validation; keeping the initial weights."
    balanced = best.validation_balanced_accuracy
    kept = f"the network after epoch {best.epoch_text} of {history[-1].epoch_text}"
    if best.is_average:
        kept = dataclasses.replace(best, is_smaller=False).title
    height, width = best.image_size(plan.image_size)
    size = f"with images of {width} x {height} pixels" if best.is_smaller else "at full size"
    return (
        f"Keeping {kept}, the best on the validation photos {size}: "
        + (f"balanced accuracy {percent(balanced)}, " if balanced is not None else "")
        + f"{task_of(plan.task).accuracy_title} {percent(best.validation_accuracy)}, log loss "
        f"{best.validation_loss:.3g}."
    )
