"""Measure the points of a learning curve with linear heads, and choose nested parts of photos.

The photos are divided into folds. For each fold, heads are fitted to all other photos, to half of
them, to a quarter and so on, and are tested on the fold. So each size is tested once on every
photo, by heads that were fitted to neither the photo nor its copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pawsight.evaluation.label_errors import group_folds
from pawsight.progress import Progress
from pawsight.records import FloatArray, IntArray
from pawsight.training.linear_head import Samples, fit_weights

NUM_FOLDS = 5
_MAX_SIZES = 5
_MIN_PHOTOS = 3  # photos of the rarest class in the smallest part


@dataclass(frozen=True, slots=True, eq=False)
class CurvePoints:
    """The mistakes of heads that were fitted to different numbers of photos."""

    num_photos: tuple[int, ...]  # photos that the heads were fitted to, ascending, length M
    num_wrong: IntArray  # mistakes on all photos, by class, shape [M, K]
    num_tested: IntArray  # photos by class, shape [K]


def measure_points(
    features: FloatArray,
    labels: IntArray,
    groups: Sequence[Any],
    num_classes: int,
    strength: float,
    progress: Progress,
    seed: int = 0,
) -> CurvePoints | None:
    """Fit heads to nested parts of photos, and count their mistakes on the other photos.

    Args:
        features: Shape [N, F].
        labels: Class indices, shape [N].
        groups: A key for each photo; photos with equal keys are in the same fold.
        num_classes: K, at least 2.
        strength: The L2 penalty of each head.
        progress: Receives each fit.
        seed: Seed of the folds and the parts.

    Returns:
        The points; None if a class has too few photos for three sizes.
    """
    folds = group_folds(labels, groups, NUM_FOLDS, seed)
    rarest = int(np.bincount(labels, minlength=num_classes).min()) * (NUM_FOLDS - 1) // NUM_FOLDS
    sizes = [k for k in range(_MAX_SIZES) if rarest >= _MIN_PHOTOS * 2**k]
    if len(sizes) < 3:
        return None
    progress.start("Measuring the learning curve", NUM_FOLDS * len(sizes), "fits")
    random = np.random.default_rng(seed)
    num_wrong = np.zeros((len(sizes), num_classes), np.int64)
    num_fitted = np.zeros(len(sizes))
    for fold in range(NUM_FOLDS):
        others, is_tested = _shuffled(np.flatnonzero(folds != fold), labels, random), folds == fold
        for row, halvings in enumerate(reversed(sizes)):
            part = others[: len(others) >> halvings]
            samples = Samples([features[part]], labels[part], groups=(), num_classes=num_classes)
            kernel, bias = fit_weights(samples, slice(None), strength)
            predicted = (features[is_tested] @ kernel + bias).argmax(axis=1)
            truth = labels[is_tested]
            num_wrong[row] += np.bincount(truth[predicted != truth], minlength=num_classes)
            num_fitted[row] += len(part) / NUM_FOLDS
            progress.advance(1)
    counts = tuple(round(number) for number in num_fitted)
    return CurvePoints(counts, num_wrong, np.bincount(labels, minlength=num_classes))


def nested_parts(
    labels: IntArray, groups: Sequence[Any], shares: Sequence[float], seed: int = 0
) -> list[IntArray]:
    """Choose nested, stratified parts of photos that do not divide groups.

    Args:
        labels: Class indices, shape [N].
        groups: A key for each photo, length N. A group has the label of its first photo.
        shares: The share of the photos for each part, 0..1.
        seed: Seed of the choice.

    Returns:
        For each share, the indices 0..N-1 of its photos, ascending.
    """
    _, first, group_of, sizes = np.unique(
        groups, return_index=True, return_inverse=True, return_counts=True
    )
    random = np.random.default_rng(seed)
    ranks = np.empty(len(first))  # the smallest share whose part contains the group
    for label in np.unique(labels[first]):
        members = random.permutation(np.flatnonzero(labels[first] == label))
        ends = np.cumsum(sizes[members])
        ranks[members] = (ends - random.random(len(members)) * sizes[members]) / ends[-1]
    return [np.flatnonzero(ranks[group_of] <= share) for share in shares]


def _shuffled(indices: IntArray, labels: IntArray, random: np.random.Generator) -> IntArray:
    """Shuffle photos so that the first n are stratified, for any n."""
    shuffled = random.permutation(indices)
    ranks = np.empty(len(shuffled))
    for label in np.unique(labels[shuffled]):
        members = np.flatnonzero(labels[shuffled] == label)
        ranks[members] = (np.arange(len(members)) + random.random()) / len(members)
    return shuffled[np.argsort(ranks, kind="stable")]
