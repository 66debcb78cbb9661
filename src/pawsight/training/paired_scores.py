"""Compare models on the same validation photos, each calibrated on them."""

from __future__ import annotations

import numpy as np

from pawsight.class_weights import is_imbalanced
from pawsight.evaluation.calibration import fit_label_temperature, fit_temperature
from pawsight.records import FloatArray, IntArray
from pawsight.task import Task
from pawsight.training.average_choice import Scores
from pawsight.training.score import score

# Beyond chance is a mean of paired differences of more standard errors: one-sided, 95 %.
_CRITICAL = 1.645


def temperature_of(logits: FloatArray, labels: IntArray, task: Task) -> float:
    """Return the temperature that calibrates logits [N, K]; labels as `task` has them."""
    fit = fit_label_temperature if task.is_multi_label else fit_temperature
    return fit(logits, labels)


def scores_of(logits: FloatArray, labels: IntArray, task: Task) -> Scores:
    """Compute the scores of calibrated logits [N, K]."""
    found = score(logits, labels, task)
    is_balanced = is_balanced_score(labels, task)
    accuracy = found.balanced_accuracy if is_balanced else found.accuracy
    return Scores(accuracy=accuracy, log_loss=found.loss)


def accuracy_title(labels: IntArray, task: Task) -> str:
    """Return what the accuracy of `scores_of` is called."""
    return f"{'balanced ' if is_balanced_score(labels, task) else ''}{task.accuracy_title}"


def is_balanced_score(labels: IntArray, task: Task) -> bool:
    """Return whether the classes are so imbalanced that the balanced accuracy counts."""
    return is_imbalanced(task.counts(labels, 0).tolist())


def is_lower_loss(
    before: FloatArray,
    after: FloatArray,
    labels: IntArray,
    task: Task,
    critical: float = _CRITICAL,
) -> bool:
    """Return whether the log loss of `after` is lower than that of `before` beyond chance.

    Args:
        before: Calibrated logits, shape [N, K].
        after: Those of another model for the same photos.
        labels: The true labels, shape [N].
        task: One class or several labels per photo.
        critical: By how many standard errors it must be lower.
    """
    differences = task.log_losses(before, labels) - task.log_losses(after, labels)
    return _is_positive(differences, critical)


def is_less_accurate(before: FloatArray, after: FloatArray, labels: IntArray, task: Task) -> bool:
    """Return whether `after` is right on fewer photos than `before` beyond chance; see above."""
    was_right, is_right = (
        np.asarray(task.decide(task.probabilities(logits)) == labels, np.float64)
        for logits in (before, after)
    )
    return _is_positive((was_right - is_right).reshape(len(labels), -1).mean(axis=1))


def _is_positive(differences: FloatArray, critical: float = _CRITICAL) -> bool:
    """Return whether the mean of paired differences [N] is above 0 beyond chance."""
    error = float(np.std(differences)) / np.sqrt(max(1, len(differences) - 1))
    return bool(differences.mean() > critical * error)
