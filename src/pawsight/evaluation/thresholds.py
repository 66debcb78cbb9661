"""Choose the probability from which a label is predicted: the threshold with the highest F1."""

from __future__ import annotations

import numpy as np

from pawsight.records import FloatArray, IntArray
from pawsight.task import EVEN_THRESHOLD

MIN_PHOTOS = 10  # with the label; with fewer, the best threshold is mostly due to chance


def fit_thresholds(probs: FloatArray, labels: IntArray) -> tuple[float, ...]:
    """Find the threshold with the highest F1 for each label.

    Args:
        probs: Probabilities, shape [N, K].
        labels: 1 or 0 for each label, shape [N, K].

    Returns:
        K thresholds, 0..1, each halfway between two probabilities that occur; of equally good
        thresholds, the nearest to 0.5. A label that fewer than 10 photos, or all photos, have
        gets 0.5.
    """
    return tuple(
        _best(probs[:, k], labels[:, k])
        if MIN_PHOTOS <= labels[:, k].sum() < len(labels)
        else EVEN_THRESHOLD
        for k in range(labels.shape[1])
    )


def f1_by_threshold(probs: FloatArray, labels: IntArray) -> tuple[FloatArray, FloatArray]:
    """Compute the F1 of a label at every threshold that leads to another decision.

    Args:
        probs: Probabilities, shape [N], N at least 1.
        labels: 1 or 0, shape [N].

    Returns:
        Thresholds in descending order, and the F1 at each, shape [M] each. A threshold is
        halfway between a probability that occurs and the next lower one.
    """
    order = np.argsort(-probs, kind="stable")
    ranked, num_hits = probs[order], np.cumsum(labels[order])
    is_last = np.append(ranked[:-1] > ranked[1:], True)  # of equal probabilities
    next_lower = np.append(ranked[1:], 0.0)[is_last]
    num_predicted = np.arange(1, len(ranked) + 1)[is_last]
    f1 = 2 * num_hits[is_last] / (num_predicted + max(1, labels.sum()))
    return (ranked[is_last] + next_lower) / 2, f1


def _best(probs: FloatArray, labels: IntArray) -> float:
    thresholds, f1 = f1_by_threshold(probs, labels)
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    return float(thresholds[best[np.abs(thresholds[best] - EVEN_THRESHOLD).argmin()]])
