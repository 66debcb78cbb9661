"""List the scores of a part whose photos have several labels; see `scores`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pawsight.evaluation.reliability import Bin, calibration_error, reliability_bins
from pawsight.evaluation.scores import (
    MIN_PROBABILITY,
    SCORES,
    Answers,
    Score,
    average_precision,
    macro_f1,
    mean,
    share_correct,
    share_correct_interval,
)
from pawsight.records import IntArray, Predictions
from pawsight.task import MultiLabel, Task


@dataclass(frozen=True)
class LabelAnswers(Answers):
    """True and predicted labels of the photos of a part.

    Attributes:
        labels: 1 or 0 for each label, shape [N, K], N at least 1.
        probs: Probabilities, float64, shape [N, K].
    """

    task: MultiLabel  # has the threshold of each label

    @cached_property
    def predicted(self) -> IntArray:
        """1 or 0 for each label, shape [N, K]."""
        return self.task.decide(self.probs)

    @cached_property
    def is_correct(self) -> NDArray[np.bool_]:
        """Whether all labels of a photo are correct, shape [N]."""
        return self.task.is_right(self.predicted, self.labels)

    @cached_property
    def support(self) -> IntArray:
        """Number of photos with each label, shape [K]."""
        return np.asarray(self.labels.sum(axis=0))

    @cached_property
    def num_hits(self) -> IntArray:
        """Number of photos with each label for which it is predicted, shape [K]."""
        return np.asarray((self.labels & self.predicted).sum(axis=0))

    @cached_property
    def num_predicted(self) -> IntArray:
        """Number of photos for which each label is predicted, shape [K]."""
        return np.asarray(self.predicted.sum(axis=0))

    def is_of(self, k: int) -> NDArray[np.bool_]:
        """Return which photos have a label, shape [N]."""
        return np.asarray(self.labels[:, k] == 1)

    def reliability(self, k: int) -> tuple[Bin, ...]:
        """Return the reliability bins of the probability of label k."""
        return reliability_bins(self.probs[:, k], self.is_of(k))


def _micro_f1(answers: LabelAnswers) -> float | None:
    total = int(answers.support.sum() + answers.num_predicted.sum())
    return 2 * int(answers.num_hits.sum()) / total if total else None


def _hamming_loss(answers: LabelAnswers) -> float:
    return float((answers.predicted != answers.labels).mean())


def _log_loss(answers: LabelAnswers) -> float:
    truth_probs = np.where(answers.labels == 1, answers.probs, 1 - answers.probs)
    return float(-np.log(np.clip(truth_probs, MIN_PROBABILITY, 1.0)).mean())


def _calibration_error(answers: LabelAnswers) -> float:
    errors = [calibration_error(answers.reliability(k)) for k in range(answers.num_classes)]
    return sum(errors) / len(errors)


def _roc_auc(answers: LabelAnswers) -> float | None:
    return mean(answers.roc_areas)


LABEL_SCORES: tuple[Score, ...] = (
    Score(
        "average_precision",
        "mean average precision",
        "mean of the labels, independent of thresholds; 1 is perfect",
        average_precision,
    ),
    Score(
        "exact_match",
        "exact match",
        "photos whose labels are all correct",
        share_correct,
        share_correct_interval,
        style="percent",
    ),
    Score(
        "hamming_loss",
        "Hamming loss",
        "share of wrong decisions, one for each photo and label",
        _hamming_loss,
        style="percent",
    ),
    Score("macro_f1", "macro F1", "mean F1 of the labels; 1 is perfect", macro_f1),
    Score("micro_f1", "micro F1", "F1 of all decisions together", _micro_f1),
    Score("roc_auc", "ROC AUC", "mean of the labels; 0.5 is chance, 1 is perfect", _roc_auc),
    Score(
        "log_loss",
        "log loss",
        "mean of the labels; 0 is perfect",
        _log_loss,
    ),
    Score(
        "calibration_error",
        "calibration error",
        "mean of the labels; how far their probabilities are off",
        _calibration_error,
        style="percent",
    ),
)


def scores_of(task: Task) -> tuple[Score, ...]:
    """Return the scores of a task."""
    return LABEL_SCORES if task.is_multi_label else SCORES


def answers_of(predictions: Predictions) -> Answers:
    """Return the input of the scores of predictions."""
    labels, probs = predictions.labels, np.asarray(predictions.probs, np.float64)
    task = predictions.task
    if isinstance(task, MultiLabel):
        return LabelAnswers(labels, probs, task)
    return Answers(labels, probs)
