"""The scores of a part, in one list: metrics.json, folds, report and tables all go over it.

A new score is one entry of `SCORES` and the function that computes it.
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

MIN_PROBABILITY = 1e-7  # in the log loss; float32 has no number closer to 1


@dataclass(frozen=True)
class Answers:
    """Truth and prediction of the photos of a part; what every score is computed from."""

    labels: IntArray  # true class indices, shape [N], values 0..K-1; N is 1 or more
    probs: FloatArray  # probabilities, float64, shape [N, K], each row sums to 1

    @property
    def num_classes(self) -> int:
        """K."""
        return int(self.probs.shape[1])

    @cached_property
    def guesses(self) -> IntArray:
        """The most probable class of each photo, shape [N]; ties go to the lower index."""
        return np.asarray(self.probs.argmax(axis=1))

    @cached_property
    def is_correct(self) -> NDArray[np.bool_]:
        """Whether the most probable class is the true one, shape [N]."""
        return np.asarray(self.guesses == self.labels)

    @cached_property
    def support(self) -> IntArray:
        """Photos of each class, shape [K]."""
        return np.bincount(self.labels, minlength=self.num_classes)

    @cached_property
    def hits(self) -> IntArray:
        """Correctly classified photos of each class, shape [K]."""
        return np.bincount(self.labels[self.is_correct], minlength=self.num_classes)

    @cached_property
    def claims(self) -> IntArray:
        """How often each class was predicted, shape [K]."""
        return np.bincount(self.guesses, minlength=self.num_classes)

    def is_of(self, k: int) -> NDArray[np.bool_]:
        """Return which photos are of a class, shape [N]."""
        return np.asarray(self.labels == k)

    @cached_property
    def f1s(self) -> list[float | None]:
        """F1 of each class, length K; None for a class without photos."""
        sums = self.support + self.claims
        return [
            2 * int(hit) / int(total) if n else None
            for hit, total, n in zip(self.hits, sums, self.support, strict=True)
        ]

    @cached_property
    def roc_areas(self) -> list[float | None]:
        """ROC AUC of each class against the rest, length K; None where undefined."""
        from sklearn.metrics import roc_auc_score  # here: the report needs the titles only

        return [
            float(roc_auc_score(self.is_of(k), self.probs[:, k]))
            if 0 < self.support[k] < len(self.labels)
            else None
            for k in range(self.num_classes)
        ]

    @cached_property
    def average_precisions(self) -> list[float | None]:
        """Average precision of each class against the rest, length K; None where undefined."""
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

    key: str  # its name in metrics.json
    title: str  # its name for display
    meaning: str  # how to read it, in a few words
    # Computes it of the `Answers` of its task; None where it is undefined.
    compute: Callable[[Any], float | None]
    # Computes its 95 % interval, where there is a way to.
    interval: Callable[[Any], Interval] | None = None
    style: Literal["percent", "number"] = "number"  # 96.4 % or 0.964

    def text(self, value: float | None) -> str:
        """Write a value of this score; None as a dash."""
        return percent(value) if self.style == "percent" else decimal(value)


def _accuracy(answers: Answers) -> float:
    return float(answers.is_correct.mean())


def _accuracy_interval(answers: Answers) -> Interval:
    return wilson_interval(int(answers.is_correct.sum()), len(answers.labels))


def _balanced_accuracy(answers: Answers) -> float:
    present = answers.support > 0
    return float((answers.hits[present] / answers.support[present]).mean())


def _balanced_accuracy_interval(answers: Answers) -> Interval:
    return balanced_interval(answers.hits, answers.support)


def macro_f1(answers: Answers) -> float | None:
    """Compute the mean F1 of the classes that have photos."""
    return mean(answers.f1s)


def _roc_auc(answers: Answers) -> float | None:
    # Two classes share one area.
    return answers.roc_areas[1] if answers.num_classes == 2 else mean(answers.roc_areas)


def average_precision(answers: Answers) -> float | None:
    """Compute the mean average precision of the classes that have photos."""
    return mean(answers.average_precisions)


def log_loss(answers: Answers) -> float:
    """Compute the mean of -ln(probability of the true class), which counts as 1e-7 at least."""
    true_probs = answers.probs[np.arange(len(answers.labels)), answers.labels]
    return float(-np.log(np.clip(true_probs, MIN_PROBABILITY, 1.0)).mean())


def _calibration_error(answers: Answers) -> float:
    return calibration_error(reliability_bins(answers.probs.max(axis=1), answers.is_correct))


def mean(values: list[float | None]) -> float | None:
    """Return the mean of the values that are known; None where none is."""
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None


SCORES: tuple[Score, ...] = (
    Score(
        "accuracy",
        "accuracy",
        "every photo counted alike",
        _accuracy,
        _accuracy_interval,
        style="percent",
    ),
    Score(
        "balanced_accuracy",
        "balanced accuracy",
        "every class counted alike",
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
