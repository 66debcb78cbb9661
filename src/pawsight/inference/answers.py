"""Decide the answer to a photo: its predicted class, "unsure", or "none" of the classes."""

from __future__ import annotations

from pawsight.errors import ConfigError
from pawsight.formatting import percent
from pawsight.models.operating_point import OperatingPoint
from pawsight.probabilities import SURE
from pawsight.task import SINGLE_LABEL, Task

UNSURE = "unsure"
NONE = "none"
DEFAULT_COVERAGE = 0.8  # minimum share of photos that are not unsure, without a `max_error`


def choose_threshold(
    points: tuple[OperatingPoint, ...],
    max_error: float | None = None,
    task: Task = SINGLE_LABEL,
) -> float:
    """Return the least probability of an answer; 0 for multi-label models.

    Args:
        points: The model's operating points, ascending by `max_error`.
        max_error: Upper bound of the error rate of the answers, above 0 and below 1. None takes
            the lowest proven rate with a coverage of `DEFAULT_COVERAGE`, else the highest
            proven rate, else the probability `SURE`.
        task: The model's task.

    Raises:
        ConfigError: `max_error` is out of range, not proven by the held-out photos, or given for
            a multi-label model.
    """
    if task.is_multi_label:
        if max_error is None:
            return 0.0
        raise ConfigError(
            "--max-error is not for multi-label models, in which each label has its own "
            "threshold.\nLeave --max-error out."
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
            "This model has no proven error rate: too few photos were held out, too many of their "
            "predictions were wrong, or an older version trained it.\n"
            "Train again with more photos, or leave --max-error out."
        )
    raise ConfigError(
        f"The photos held out in training do not prove an error rate of {percent(max_error)}; the "
        f"lowest proven rate is {percent(points[0].max_error)}.\n"
        f"Choose --max-error {points[0].max_error:g} or higher, or train with more photos."
    )


def answer_of(label: str, probability: float, ood_score: float | None, threshold: float) -> str:
    """Return the answer to a photo: `NONE`, `UNSURE`, or its label.

    Args:
        label: The most probable class.
        probability: Its probability, 0..1.
        ood_score: Out-of-distribution score, above 1 for a photo unlike the training set; None
            if the model has no detector.
        threshold: The least probability of an answer, 0..1.
    """
    if ood_score is not None and ood_score > 1:
        return NONE
    return label if probability >= threshold else UNSURE
