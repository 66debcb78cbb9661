"""List the scores of a part, for metrics.json, cross-validation, the report and tables.

To add a score, add an entry to `SCORES` and the function that computes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pawsight.evaluation.intervals import Interval, balanced_interval, wilson_interval
from pawsight.evaluation.reliability import calibration_error, reliability_bins
from pawsight.formatting import decimal, percent
from pawsight.records import FloatArray, IntArray

MIN_PROBABILITY = 1e-7  # in the log loss; about the resolution of float32 below 1


@dataclass(frozen=True)
class Answers:
    """True and predicted classes of the photos of a part: the input of every score."""

    labels: IntArray  # true class indices, shape [N], values 0..K-1, N at least 1
    probs: FloatArray  # probabilities, float64, shape [N, K], each row sums to 1

    @property
    def num_classes(self) -> int:
        """Number of classes, K."""
        return int(self.probs.shape[1])

    @cached_property
    def predicted(self) -> IntArray:
        """Most probable class of each photo, shape [N]; ties go to the lower index."""
        return np.asarray(self.probs.argmax(axis=1))

    @cached_property
    def is_correct(self) -> NDArray[np.bool_]:
        """Whether the most probable class is the true class, shape [N]."""
        return np.asarray(self.predicted == self.labels)

    @cached_property
    def support(self) -> IntArray:
        """Number of photos of each class, shape [K]."""
        return np.bincount(self.labels, minlength=self.num_classes)

    @cached_property
    def num_hits(self) -> IntArray:
        """Number of correctly classified photos of each class, shape [K]."""
        return np.bincount(self.labels[self.is_correct], minlength=self.num_classes)

    @cached_property
    def num_predicted(self) -> IntArray:
        """Number of photos for which each class is predicted, shape [K]."""
        return np.bincount(self.predicted, minlength=self.num_classes)

    def is_of(self, k: int) -> NDArray[np.bool_]:
        """Return which photos are of a class, shape [N]."""
        return np.asarray(self.labels == k)

    @cached_property
    def f1s(self) -> list[float | None]:
        """F1 of each class, length K; None for a class without photos."""
        sums = self.support + self.num_predicted
        return [
            2 * int(hit) / int(total) if n else None
            for hit, total, n in zip(self.num_hits, sums, self.support, strict=True)
        ]

    @cached_property
    def roc_areas(self) -> list[float | None]:
        """ROC AUC of each class against the rest, length K; None if undefined."""
        from sklearn.metrics import roc_auc_score  # here: the report only needs the titles

        return [
            float(roc_auc_score(self.is_of(k), self.probs[:, k]))
            if 0 < self.support[k] < len(self.labels)
            else None
            for k in range(self.num_classes)
        ]

    @cached_property
    def average_precisions(self) -> list[float | None]:
        """Average precision of each class against the rest, length K; None if undefined."""
        from sklearn.metrics import average_precision_score

        return [
            float(average_precision_score(self.is_of(k), self.probs[:, k]))
            if self.support[k]
            else None
            for k in range(self.num_classes)
        ]


@dataclass(frozen=True)
class Score:
    """A score of predictions."""

    key: str  # name in metrics.json
    title: str  # name for display
    meaning: str  # how to read it, in a few words
    # Computes the score from the `Answers` of its task; None if it is undefined.
    compute: Callable[[Any], float | None]
    # Computes the 95 % interval of the score; None if there is no method.
    interval: Callable[[Any], Interval] | None = None
    style: Literal["percent", "number"] = "number"  # 96.4 % or 0.964

    def text(self, value: float | None) -> str:
        """Format a value of this score; None as a dash."""
        return percent(value) if self.style == "percent" else decimal(value)


def share_correct(answers: Answers) -> float:
    """Compute the share of photos that are classified correctly, 0..1."""
    return float(answers.is_correct.mean())


def share_correct_interval(answers: Answers) -> Interval:
    """Compute the 95 % interval of the share of photos that are classified correctly."""
    return wilson_interval(int(answers.is_correct.sum()), len(answers.labels))


def _balanced_accuracy(answers: Answers) -> float:
    present = answers.support > 0
    return float((answers.num_hits[present] / answers.support[present]).mean())


def _balanced_accuracy_interval(answers: Answers) -> Interval:
    return balanced_interval(answers.num_hits, answers.support)


def macro_f1(answers: Answers) -> float | None:
    """Compute the mean F1 of the classes that have photos."""
    return mean(answers.f1s)


def _roc_auc(answers: Answers) -> float | None:
    # Of two classes, both have the same area.
    return answers.roc_areas[1] if answers.num_classes == 2 else mean(answers.roc_areas)


def average_precision(answers: Answers) -> float | None:
    """Compute the mean average precision of the classes that have photos."""
    return mean(answers.average_precisions)


def log_loss(answers: Answers) -> float:
    """Compute the mean of -ln(probability of the true class), with probabilities of at least 1e-7.

    Args:
        answers: The answers for photos with one class each.
    """
    true_probs = answers.probs[np.arange(len(answers.labels)), answers.labels]
    return float(-np.log(np.clip(true_probs, MIN_PROBABILITY, 1.0)).mean())


def _calibration_error(answers: Answers) -> float:
    return calibration_error(reliability_bins(answers.probs.max(axis=1), answers.is_correct))


def mean(values: list[float | None]) -> float | None:
    """Return the mean of the defined values; None if there are none."""
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None


SCORES: tuple[Score, ...] = (
    Score(
        "accuracy",
        "accuracy",
        "every photo has the same weight",
        share_correct,
        share_correct_interval,
        style="percent",
    ),
    Score(
        "balanced_accuracy",
        "balanced accuracy",
        "every class has the same weight",
        _balanced_accuracy,
        _balanced_accuracy_interval,
        style="percent",
    ),
    Score("macro_f1", "macro F1", "mean F1 of the classes; 1 is perfect", macro_f1),
    Score("roc_auc", "ROC AUC", "0.5 is chance, 1 is perfect", _roc_auc),
    Score("average_precision", "average precision", "1 is perfect", average_precision),
    Score(
        "log_loss",
        "log loss",
        "0 is perfect; confident mistakes cost most",
        log_loss,
    ),
    Score(
        "calibration_error",
        "calibration error",
        "how far its probabilities are off",
        _calibration_error,
        style="percent",
    ),
)
