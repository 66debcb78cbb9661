"""Compare models on the same validation photos, each calibrated on them."""

from __future__ import annotations

import numpy as np

from pawsight.class_weights import is_imbalanced
from pawsight.evaluation.calibration import fit_label_temperature, fit_temperature
from pawsight.records import FloatArray, IntArray
from pawsight.task import Task
from pawsight.training.average_choice import Scores
from pawsight.training.score import score

# The mean of paired differences, in standard errors, that is significant: one-sided, 95 %.
_CRITICAL = 1.645


def temperature_of(logits: FloatArray, labels: IntArray, task: Task) -> float:
    """Find the temperature that calibrates logits [N, K], for the labels of a task."""
    fit = fit_label_temperature if task.is_multi_label else fit_temperature
    return fit(logits, labels)


def scores_of(logits: FloatArray, labels: IntArray, task: Task) -> Scores:
    """Compute the scores of calibrated logits [N, K]."""
    result = score(logits, labels, task)
    is_balanced = _is_balanced(labels, task)
    accuracy = result.balanced_accuracy if is_balanced else result.accuracy
    return Scores(accuracy=accuracy, log_loss=result.loss)


def accuracy_title(labels: IntArray, task: Task) -> str:
    """Return the name of the accuracy that `scores_of` computes."""
    return f"{'balanced ' if _is_balanced(labels, task) else ''}{task.accuracy_title}"


def _is_balanced(labels: IntArray, task: Task) -> bool:
    """Return whether the classes are so imbalanced that the balanced accuracy counts."""
    return is_imbalanced(task.counts(labels, 0).tolist())


def is_lower_loss(
    before: FloatArray,
    after: FloatArray,
    labels: IntArray,
    task: Task,
    critical: float = _CRITICAL,
) -> bool:
    """Return whether the log loss of `after` is significantly lower than that of `before`.

    Args:
        before: Calibrated logits of one model, shape [N, K].
        after: Calibrated logits of another model for the same photos, shape [N, K].
        labels: The true class indices, shape [N]; with several labels 0 or 1, shape [N, K].
        task: Whether photos have one class or several labels.
        critical: The number of standard errors by which it must be lower.
    """
    differences = task.log_losses(before, labels) - task.log_losses(after, labels)
    return _is_positive(differences, critical)


def is_less_accurate(before: FloatArray, after: FloatArray, labels: IntArray, task: Task) -> bool:
    """Return whether `after` is significantly less accurate than `before`.

    Arguments as of `is_lower_loss`.
    """
    was_right, is_right = (
        np.asarray(task.decide(task.probabilities(logits)) == labels, np.float64)
        for logits in (before, after)
    )
    return _is_positive((was_right - is_right).reshape(len(labels), -1).mean(axis=1))


def _is_positive(differences: FloatArray, critical: float = _CRITICAL) -> bool:
    """Return whether the mean of paired differences, shape [N], is significantly above 0."""
    error = float(np.std(differences)) / np.sqrt(max(1, len(differences) - 1))
    return bool(differences.mean() > critical * error)
