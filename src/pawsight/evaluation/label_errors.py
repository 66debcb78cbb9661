"""Score how strongly features contradict the labels of photos.

Each class is modelled as a Gaussian on L2-normalised features, with a shared shrunk
covariance, and each photo is scored by a fit without its fold. A fit is a closed form of sums
over photos: the sums of a fold are subtracted from the total, so 20,000 photos take seconds.
Wrong labels draw the class means together, so a second fit leaves out photos whose label is
contradicted by the first fit.

Source: class-Gaussians on features, arXiv:2601.10084; benchmarks/doubts/LOG.md compares
alternatives.
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
MIN_PHOTOS = _FOLDS  # different photos (groups of copies) of a class whose labels are scored
_SHRINKAGE = 0.3  # of the covariance towards a multiple of the identity
_ABSENT = -1e4  # the logit of a class without photos in the fit
_MIN_VARIANCE = 1e-9
_BLOCK = 4096  # photos compared at a time


@dataclass(frozen=True, slots=True, eq=False)
class LabelScores:
    """Scores of the labels of N photos."""

    probs: FloatArray  # calibrated on these photos, shape [N, K], each row sums to 1
    # Log odds of a photo's label against the most probable other class, shape [N]; below 0 if that
    # class is more probable, inf if the label was not scored.
    margins: FloatArray
    is_scored: NDArray[np.bool_]  # whether the class has enough groups, shape [N]

    @property
    def order(self) -> IntArray:
        """Scored photos, the most strongly contradicted label first, shape [M]."""
        ranked = np.argsort(self.margins, kind="stable")
        return ranked[self.is_scored[ranked]]

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
        groups: A key of each photo; photos with equal keys, such as copies, are in the same fold.
        num_classes: K, at least 2.
        seed: Of the folds.

    Raises:
        ShapeError: The arguments disagree on N, or K is below 2.
    """
    if len(features) != len(labels) or len(groups) != len(labels) or num_classes < 2:
        raise ShapeError(
            f"Features, labels and groups must have the same length, and there must be at least 2 "
            f"classes; got {len(features)}, {len(labels)}, {len(groups)} and {num_classes}."
        )
    unit = np.asarray(normalised(features), np.float32)
    unit -= unit.mean(axis=0)
    folds = group_folds(labels, groups, _FOLDS, seed)
    use_all = np.ones(len(labels), np.bool_)
    logits = _held_out_logits(unit, labels, folds, use_all, num_classes)
    is_used = _not_contradicted(logits, labels, num_classes)
    logits = _held_out_logits(unit, labels, folds, is_used, num_classes)
    label_logits = logits[np.arange(len(labels)), labels]
    is_scored = (label_logits > _ABSENT) & _has_enough_groups(labels, groups)
    is_complete = (logits > _ABSENT).all(axis=1)  # an absent class would bias the temperature
    temperature = fit_temperature(logits[is_complete], labels[is_complete])
    margins = np.where(is_scored, _margins(logits, labels) / temperature, np.inf)
    return LabelScores(softmax(logits, temperature), margins, is_scored)


def _has_enough_groups(labels: IntArray, groups: Sequence[Any]) -> NDArray[np.bool_]:
    """Return whether the class of each photo has at least `MIN_PHOTOS` groups, shape [N]."""
    counts = Counter(label for label, _ in set(zip(labels.tolist(), groups, strict=True)))
    return np.isin(labels, [label for label, count in counts.items() if count >= MIN_PHOTOS])


def group_folds(labels: IntArray, groups: Sequence[Any], num_folds: int, seed: int = 0) -> IntArray:
    """Assign photos to stratified folds; photos of a group are in the same fold.

    Args:
        labels: Class indices, shape [N].
        groups: A key of each photo, length N; a group has the label of its first photo.
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
    features: FloatArray, labels: IntArray, queries: IntArray, classes: IntArray
) -> IntArray:
    """Find the most similar other photo of a class, by the cosine of features.

    Args:
        features: Of all photos, shape [N, F], not normalised.
        labels: Class indices, shape [N].
        queries: Positions of the photos to search for, shape [M].
        classes: The class to search for each of these, shape [M].

    Returns:
        Positions of the most similar photos, shape [M]; -1 if the class has no other photo.
    """
    unit = np.asarray(normalised(features), np.float32)
    nearest = np.full(len(queries), -1, np.int64)
    for label in np.unique(classes):
        rows = np.flatnonzero(classes == label)
        members = np.flatnonzero(labels == label)
        best = np.full(len(rows), -np.inf, np.float32)
        for start in range(0, len(members), _BLOCK):
            block = members[start : start + _BLOCK]
            similarity = unit[queries[rows]] @ unit[block].T
            similarity[queries[rows][:, None] == block[None, :]] = -np.inf
            positions = similarity.argmax(axis=1)
            values = similarity[np.arange(len(rows)), positions]
            is_better = values > best
            best[is_better] = values[is_better]
            nearest[rows[is_better]] = block[positions[is_better]]
    return nearest


def _held_out_logits(
    unit: FloatArray,
    labels: IntArray,
    folds: IntArray,
    is_used: NDArray[np.bool_],
    num_classes: int,
) -> FloatArray:
    """Compute logits [N, K] of each photo by a fit to the used photos of the other folds."""
    fold_sums = [_sums(unit, labels, is_used & (folds == k), num_classes) for k in range(_FOLDS)]
    totals = [sum(values) for values in zip(*fold_sums, strict=True)]
    logits = np.empty((len(unit), num_classes), np.float64)
    for fold, of_fold in enumerate(fold_sums):
        is_out = folds == fold
        if not is_out.any():
            continue
        squares, sums, counts = (total - part for total, part in zip(totals, of_fold, strict=True))
        means = sums / np.maximum(counts, 1)[:, None]
        covariance = (squares - (means * counts[:, None]).T @ means) / max(1, counts.sum())
        mean_variance = max(float(np.trace(covariance)) / len(covariance), _MIN_VARIANCE)
        covariance *= 1 - _SHRINKAGE
        covariance[np.diag_indices_from(covariance)] += _SHRINKAGE * mean_variance
        kernel = np.linalg.solve(covariance, means.T)
        bias = -0.5 * np.einsum("kf,fk->k", means, kernel)
        fold_logits = unit[is_out] @ kernel + bias
        fold_logits[:, counts == 0] = _ABSENT
        logits[is_out] = fold_logits
    return logits


def _sums(
    unit: FloatArray, labels: IntArray, is_used: NDArray[np.bool_], num_classes: int
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return products [F, F], and sums [K, F] and counts [K] of each class, of the used photos."""
    rows, row_labels = unit[is_used], labels[is_used]
    sums = np.stack([rows[row_labels == k].sum(axis=0) for k in range(num_classes)])
    return rows.T @ rows, sums, np.bincount(row_labels, minlength=num_classes)


def _not_contradicted(logits: FloatArray, labels: IntArray, num_classes: int) -> NDArray[np.bool_]:
    """Return which photos a second fit uses; a class that would lose most photos keeps all."""
    is_kept = _margins(logits, labels) >= 0
    counts = np.bincount(labels, minlength=num_classes)
    num_kept = np.bincount(labels[is_kept], minlength=num_classes)
    return is_kept | (2 * num_kept < counts)[labels]


def _margins(logits: FloatArray, labels: IntArray) -> FloatArray:
    """Compute the logit of each label minus the largest other logit, shape [N]."""
    rows = np.arange(len(labels))
    others = logits.copy()
    others[rows, labels] = -np.inf
    return np.asarray(logits[rows, labels] - others.max(axis=1))
