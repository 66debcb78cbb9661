"""The points of a learning curve: nested parts of the photos, and heads fitted to such.

For heads, the photos are divided into folds; for each fold, heads are fitted to all others, to
half of them, to a quarter and so on, and each is tested on the fold. So each size is tested on
every photo once, by heads that saw neither it nor its copies.
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
    """What heads of several numbers of photos got wrong."""

    num_photos: tuple[int, ...]  # photos that the heads were fitted to, ascending, length M
    num_wrong: IntArray  # mistakes on all photos, by class, shape [M, K]
    num_tested: IntArray  # photos tested, by class, shape [K]


def measure_points(
    features: FloatArray,
    labels: IntArray,
    groups: Sequence[Any],
    num_classes: int,
    strength: float,
    progress: Progress,
    seed: int = 0,
) -> CurvePoints | None:
    """Fit heads to nested parts of photos, and count their mistakes on the photos left out.

    Args:
        features: Shape [N, F].
        labels: Class indices, shape [N].
        groups: A key for each photo; photos with equal keys are in the same fold.
        num_classes: K, at least 2.
        strength: The L2 penalty of each head.
        progress: Receives each fit.
        seed: Of the folds and the parts.

    Returns:
        None where there are too few photos of a class for three sizes.
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
        others, out = _shuffled(np.flatnonzero(folds != fold), labels, random), folds == fold
        for place, halvings in enumerate(reversed(sizes)):
            part = others[: len(others) >> halvings]
            samples = Samples([features[part]], labels[part], groups=(), num_classes=num_classes)
            kernel, bias = fit_weights(samples, slice(None), strength)
            is_wrong = (features[out] @ kernel + bias).argmax(axis=1) != labels[out]
            num_wrong[place] += np.bincount(labels[out][is_wrong], minlength=num_classes)
            num_fitted[place] += len(part) / NUM_FOLDS
            progress.advance(1)
    counts = tuple(round(number) for number in num_fitted)
    return CurvePoints(counts, num_wrong, np.bincount(labels, minlength=num_classes))


def nested_parts(
    labels: IntArray, groups: Sequence[Any], shares: Sequence[float], seed: int = 0
) -> list[IntArray]:
    """Choose nested parts of photos: the classes in proportion, groups whole.

    Args:
        labels: Class indices, shape [N].
        groups: A key for each photo, length N; the first photo's label is that of the group.
        shares: Of the photos, 0..1, one for each part.
        seed: Of the choice.

    Returns:
        For each share, the positions of its photos, ascending.
    """
    _, first, group_of, sizes = np.unique(
        groups, return_index=True, return_inverse=True, return_counts=True
    )
    random = np.random.default_rng(seed)
    ranks = np.empty(len(first))  # the share from which on a group is part
    for label in np.unique(labels[first]):
        members = random.permutation(np.flatnonzero(labels[first] == label))
        ends = np.cumsum(sizes[members])
        ranks[members] = (ends - random.random(len(members)) * sizes[members]) / ends[-1]
    return [np.flatnonzero(ranks[group_of] <= share) for share in shares]


def _shuffled(indices: IntArray, labels: IntArray, random: np.random.Generator) -> IntArray:
    """Shuffle photos so that the first ones, however many, are of the classes in proportion."""
    shuffled = random.permutation(indices)
    ranks = np.empty(len(shuffled))
    for label in np.unique(labels[shuffled]):
        places = np.flatnonzero(labels[shuffled] == label)
        ranks[places] = (np.arange(len(places)) + random.random()) / len(places)
    return shuffled[np.argsort(ranks, kind="stable")]
