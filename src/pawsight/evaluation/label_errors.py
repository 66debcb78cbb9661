"""Rank photos by how strongly features contradict their labels.

Each class is a Gaussian on L2-normalised features, all with one shrunk covariance, and each
photo is judged by a fit without its fold. A fit is a closed form of sums over photos: those of
a fold are subtracted from the total, so 20,000 photos take seconds. Wrong labels draw the means
of classes together, so a second fit leaves out photos whose label the first one contradicts.

Source: class-Gaussians on features, arXiv:2601.10084; alternatives that were tried are in
benchmarks/doubts/LOG.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pawsight.errors import ShapeError
from pawsight.evaluation.calibration import fit_temperature
from pawsight.inference.out_of_distribution import normalised
from pawsight.probabilities import softmax
from pawsight.records import FloatArray, IntArray

_FOLDS = 5
MIN_PHOTOS = _FOLDS  # different ones of a class whose labels are scored
_SHRINKAGE = 0.3  # of the covariance towards a multiple of the identity
_NEVER = -1e4  # the logit of a class that no photo of the fit belongs to
_MIN_VARIANCE = 1e-9
_BLOCK = 4096  # photos compared at a time


@dataclass(frozen=True, slots=True, eq=False)
class LabelScores:
    """What fits without a photo's fold make of its label."""

    probs: FloatArray  # calibrated on these photos, shape [N, K], each row sums to 1
    # Log odds of a photo's own label against the best other class, shape [N]; below 0 where another
    # class is more probable. inf where the label was not judged.
    margins: FloatArray
    # Whether its class has enough groups to be scored, shape [N]: as many as there are folds.
    is_judged: NDArray[np.bool_]

    @property
    def order(self) -> IntArray:
        """Judged photos, the label most strongly contradicted first, shape [M]; ties keep order."""
        ranked = np.argsort(self.margins, kind="stable")
        return ranked[self.is_judged[ranked]]

    def suggested(self, labels: IntArray) -> IntArray:
        """Return the most probable class of each photo other than its label, shape [N]."""
        others = self.probs.copy()
        others[np.arange(len(labels)), labels] = -1
        return np.asarray(others.argmax(axis=1))


def score_labels(
    features: FloatArray,
    labels: IntArray,
    groups: Sequence[Any],
    num_classes: int,
    seed: int = 0,
) -> LabelScores:
    """Score each label by fits that did not use the photo.

    Args:
        features: Shape [N, F], not normalised.
        labels: Class indices, shape [N], values 0..K-1.
        groups: A key for each photo; photos with equal keys, such as copies, fall into one fold.
        num_classes: K, at least 2.
        seed: Of the folds.

    Raises:
        ShapeError: The arguments disagree on N, or K is below 2.
    """
    if len(features) != len(labels) or len(groups) != len(labels) or num_classes < 2:
        raise ShapeError(
            f"Features, labels and groups of the same photos and at least 2 classes are needed, "
            f"not {len(features)}, {len(labels)}, {len(groups)} and {num_classes}."
        )
    unit = np.asarray(normalised(features), np.float32)
    unit -= unit.mean(axis=0)
    folds = group_folds(labels, groups, _FOLDS, seed)
    everyone = np.ones(len(labels), np.bool_)
    logits = _held_out_logits(unit, labels, folds, everyone, num_classes)
    is_kept = _not_contradicted(logits, labels, num_classes)
    logits = _held_out_logits(unit, labels, folds, is_kept, num_classes)
    own = logits[np.arange(len(labels)), labels]
    is_judged = (own > _NEVER) & _is_in_class_of(MIN_PHOTOS, labels, groups)
    is_whole = (logits > _NEVER).all(axis=1)  # a class without photos would bias the fit
    temperature = fit_temperature(logits[is_whole], labels[is_whole])
    margins = np.where(is_judged, _margins(logits, labels) / temperature, np.inf)
    return LabelScores(softmax(logits, temperature), margins, is_judged)


def _is_in_class_of(num_groups: int, labels: IntArray, groups: Sequence[Any]) -> NDArray[np.bool_]:
    """Return whether the class of each photo has at least so many groups, shape [N]."""
    counts = Counter(label for label, _ in set(zip(labels.tolist(), groups, strict=True)))
    return np.isin(labels, [label for label, count in counts.items() if count >= num_groups])


def group_folds(labels: IntArray, groups: Sequence[Any], num_folds: int, seed: int = 0) -> IntArray:
    """Assign photos to folds: groups stay whole, and those of a class go round the folds.

    Args:
        labels: Class indices, shape [N].
        groups: A key for each photo, length N; the first photo's label is that of the group.
        num_folds: At least 2.
        seed: Of the order in each class.

    Returns:
        The fold of each photo, shape [N], values 0..num_folds-1.
    """
    numbers: dict[Any, int] = {}
    group_of = np.array([numbers.setdefault(group, len(numbers)) for group in groups], np.int64)
    _, first = np.unique(group_of, return_index=True)
    label_of_group = labels[first]
    folds = np.empty(len(numbers), np.int64)
    random = np.random.default_rng(seed)
    start = 0
    for label in np.unique(label_of_group):
        chosen = random.permutation(np.flatnonzero(label_of_group == label))
        folds[chosen] = (start + np.arange(len(chosen))) % num_folds
        start += len(chosen)
    return folds[group_of]


def nearest_of_class(
    features: FloatArray, labels: IntArray, wanted: IntArray, classes: IntArray
) -> IntArray:
    """Find the most similar photo of a class, by the cosine of features; never the photo itself.

    Args:
        features: Of all photos, shape [N, F], not normalised.
        labels: Class indices, shape [N].
        wanted: Photos to find one for, shape [M].
        classes: The class to search for each of them, shape [M].

    Returns:
        Positions in `labels`, shape [M]; -1 where the class has no other photo.
    """
    unit = np.asarray(normalised(features), np.float32)
    nearest = np.full(len(wanted), -1, np.int64)
    for label in np.unique(classes):
        rows = np.flatnonzero(classes == label)
        members = np.flatnonzero(labels == label)
        if not len(members):
            continue
        best = np.full(len(rows), -np.inf, np.float32)
        for start in range(0, len(members), _BLOCK):
            block = members[start : start + _BLOCK]
            likeness = unit[wanted[rows]] @ unit[block].T
            likeness[wanted[rows][:, None] == block[None, :]] = -np.inf
            places = likeness.argmax(axis=1)
            values = likeness[np.arange(len(rows)), places]
            is_better = values > best
            best[is_better] = values[is_better]
            nearest[rows[is_better]] = block[places[is_better]]
    return nearest


def _held_out_logits(
    unit: FloatArray,
    labels: IntArray,
    folds: IntArray,
    is_kept: NDArray[np.bool_],
    num_classes: int,
) -> FloatArray:
    """Compute logits [N, K] of each photo by a fit to the kept photos of the other folds."""
    parts = [_sums(unit, labels, is_kept & (folds == k), num_classes) for k in range(_FOLDS)]
    total = [sum(each) for each in zip(*parts, strict=True)]
    logits = np.empty((len(unit), num_classes), np.float64)
    for fold, part in enumerate(parts):
        is_out = folds == fold
        if not is_out.any():
            continue
        squares, sums, counts = (whole - own for whole, own in zip(total, part, strict=True))
        means = sums / np.maximum(counts, 1)[:, None]
        covariance = (squares - (means * counts[:, None]).T @ means) / max(1, counts.sum())
        mean_variance = max(float(np.trace(covariance)) / len(covariance), _MIN_VARIANCE)
        covariance *= 1 - _SHRINKAGE
        covariance[np.diag_indices_from(covariance)] += _SHRINKAGE * mean_variance
        kernel = np.linalg.solve(covariance, means.T)
        bias = -0.5 * np.einsum("kf,fk->k", means, kernel)
        fold_logits = unit[is_out] @ kernel + bias
        fold_logits[:, counts == 0] = _NEVER
        logits[is_out] = fold_logits
    return logits


def _sums(
    unit: FloatArray, labels: IntArray, is_used: NDArray[np.bool_], num_classes: int
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return products [F, F], sums [K, F] and counts [K] of the classes' photos."""
    rows, own = unit[is_used], labels[is_used]
    sums = np.stack([rows[own == k].sum(axis=0) for k in range(num_classes)])
    return rows.T @ rows, sums, np.bincount(own, minlength=num_classes)


def _not_contradicted(logits: FloatArray, labels: IntArray, num_classes: int) -> NDArray[np.bool_]:
    """Return which photos a second fit uses; a class that would lose most of them keeps all."""
    is_kept = _margins(logits, labels) >= 0
    counts = np.bincount(labels, minlength=num_classes)
    kept = np.bincount(labels[is_kept], minlength=num_classes)
    return is_kept | (2 * kept < counts)[labels]


def _margins(logits: FloatArray, labels: IntArray) -> FloatArray:
    rows = np.arange(len(labels))
    others = logits.copy()
    others[rows, labels] = -np.inf
    return np.asarray(logits[rows, labels] - others.max(axis=1))
