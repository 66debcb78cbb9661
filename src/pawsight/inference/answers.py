"""What to do with a prediction: its class, "unsure", or "none" of the classes."""

from __future__ import annotations

from pawsight.errors import ConfigError
from pawsight.formatting import percent
from pawsight.models.operating_point import OperatingPoint
from pawsight.probabilities import SURE
from pawsight.task import SINGLE_LABEL, Task

UNSURE = "unsure"
NONE = "none"
DEFAULT_COVERAGE = 0.8  # share of photos that are answered where the user names no error rate


def choose_threshold(
    points: tuple[OperatingPoint, ...],
    max_error: float | None = None,
    task: Task = SINGLE_LABEL,
) -> float:
    """Return the least probability of an answer; 0 where each label has a threshold of its own.

    Args:
        points: What the model's held-out photos prove, ascending by `max_error`.
        max_error: Error rate among the answers that is not to be exceeded, above 0 and
            below 1. None takes the lowest proven rate at which `DEFAULT_COVERAGE` of the
            photos are answered, else the highest proven rate, else the probability 0.8.
        task: What the model answers.

    Raises:
        ConfigError: `max_error` is out of range, the model's photos do not prove it, or it gives
            photos several labels.
    """
    if task.is_multi_label:
        if max_error is None:
            return 0.0
        raise ConfigError(
            "A model of several labels a photo has no error rate to keep: each label has a "
            "threshold of its own.\nLeave --max-error out."
        )
    if max_error is None:
        covering = [point for point in points if point.coverage >= DEFAULT_COVERAGE]
        chosen = [*covering, *points[-1:]]
        return chosen[0].threshold if chosen else SURE
    if not 0 < max_error < 1:
        raise ConfigError(f"max_error must be above 0 and below 1, not {max_error:g}.")
    proven = [point for point in points if point.max_error <= max_error]
    if proven:
        return proven[-1].threshold
    if not points:
        raise ConfigError(
            "This model has no proven error rate: too few photos were held out, it is wrong too "
            "often on them, or an older version trained it.\n"
            "Train again with more photos, or leave --max-error out."
        )
    raise ConfigError(
        f"The photos held out in training do not prove an error rate of {percent(max_error)}: the "
        f"lowest that they prove is {percent(points[0].max_error)}.\n"
        f"Choose --max-error {points[0].max_error:g} or higher, or train with more photos."
    )


def answer_of(label: str, probability: float, ood_score: float | None, threshold: float) -> str:
    """Return the answer to one photo: `NONE`, `UNSURE`, or its label.

    Args:
        label: The most probable class.
        probability: Its probability, 0..1.
        ood_score: Distance from the training set as a share of the largest accepted one;
            None where the model cannot compute it.
        threshold: The least probability of an answer.
    """
    if ood_score is not None and ood_score > 1:
        return NONE
    return label if probability >= threshold else UNSURE
