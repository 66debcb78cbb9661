"""Fit the detector of photos that are unlike the training set, and set its threshold.

The threshold comes from photos that the detector was not fitted to: distances of
the photos it was fitted to are smaller than those of new ones.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pawsight.errors import ShapeError
from pawsight.evaluation.label_errors import group_folds
from pawsight.inference.out_of_distribution import OutOfDistributionDetector, normalised
from pawsight.records import FloatArray, IntArray

REFUSED_SHARE = 0.025  # of photos like those of the training set that are rejected
MIN_FOREIGN = 20  # photos of none of the classes from which they choose the threshold
_MIN_REFUSED, _MAX_REFUSED = 0.005, 0.05  # of own photos, where they choose it
_RANK = 256  # eigenvectors kept: 0.65 MB at 1,280 features; more were no better (see docs)
_FOLDS = 5
_LEAVE_ONE_OUT = 60  # up to so many photos, since a fit without a fifth of them is much worse
_ENOUGH_FOR_QUANTILE = 200  # distances; with fewer a log-normal distribution is fitted to them
_MIN_VARIANCE = 1e-9
_MAD_TO_DEVIATION = 1.4826  # median absolute deviation to standard deviation, of a normal
_NORMAL_QUANTILE = 1.959964  # of the standard normal distribution at 1 - REFUSED_SHARE


def fit_detector(
    features: FloatArray, labels: IntArray, seed: int = 0, foreign: FloatArray | None = None
) -> OutOfDistributionDetector:
    """Fit class means and one shrunk covariance, and the threshold by cross-validation.

    Args:
        features: Shape [N, F], not normalised, N at least 2.
        labels: Class indices, shape [N], every class at least once.
        seed: Of the division into folds.
        foreign: Features of photos of none of the classes, shape [M, F]; with 20 or more the
            threshold is the one between 0.5 and 5 % of own photos refused that divides them best.

    Returns:
        A detector that rejects about `REFUSED_SHARE` of photos like these, or the share that
        `foreign` leads to.

    Raises:
        ShapeError: The arrays disagree on N, or N is below 2.
    """
    if features.ndim != 2 or labels.shape != (len(features),) or len(features) < 2:
        raise ShapeError(
            f"Features [N, F] and labels [N] are needed, N at least 2, "
            f"not {features.shape} and {labels.shape}."
        )
    unit = normalised(features)
    held_out = np.concatenate([*_held_out_distances(unit, labels, seed)])
    detector = fit_unit(unit, labels, threshold_of(held_out))
    if foreign is None or len(foreign) < MIN_FOREIGN or len(held_out) < MIN_FOREIGN:
        return detector
    distances = detector.distances(foreign)
    return replace(detector, threshold=dividing_threshold(held_out, distances))


def dividing_threshold(own: FloatArray, foreign: FloatArray) -> float:
    """Return the threshold that divides own from foreign photos best.

    It refuses 0.5 to 5 % of the own ones. Of these the one with the highest mean of the shares
    of own photos accepted and of foreign ones refused; of equal ones the lowest.

    Args:
        own: Distances of own photos that the detector was not fitted to, shape [N].
        foreign: Distances of photos of none of the classes, shape [M].
    """
    tried = np.quantile(own, np.linspace(1 - _MAX_REFUSED, 1 - _MIN_REFUSED, 19))
    is_right = [(own <= limit).mean() + (foreign > limit).mean() for limit in tried]
    return float(tried[int(np.argmax(is_right))])


def threshold_of(distances: FloatArray) -> float:
    """Return the distance that `REFUSED_SHARE` of photos of the same kind exceed.

    Args:
        distances: Of photos that the detector was not fitted to, shape [N], N at least 1.
    """
    empirical = float(np.quantile(distances, 1 - REFUSED_SHARE))
    if len(distances) >= _ENOUGH_FOR_QUANTILE:
        return empirical
    logs = np.log(np.maximum(distances, _MIN_VARIANCE))
    deviation = _MAD_TO_DEVIATION * float(np.median(np.abs(logs - np.median(logs))))
    return min(
        float(distances.max()), float(np.exp(np.median(logs) + _NORMAL_QUANTILE * deviation))
    )


def _held_out_distances(unit: FloatArray, labels: IntArray, seed: int) -> list[FloatArray]:
    """Compute distances of photos to a detector fitted without their fold."""
    num_folds = len(labels) if len(labels) <= _LEAVE_ONE_OUT else _FOLDS
    folds = group_folds(labels, range(len(labels)), num_folds, seed)
    # One fold of many photos is enough for a quantile, and each fold costs a fit.
    is_one_enough = len(labels) // num_folds >= _ENOUGH_FOR_QUANTILE
    found = []
    for fold in range(1 if is_one_enough else int(folds.max()) + 1):
        is_out = folds == fold
        detector = fit_unit(unit[~is_out], labels[~is_out])
        found.append(detector.distances(unit[is_out]))
    return found


def fit_unit(
    unit: FloatArray, labels: IntArray, threshold: float = 1.0
) -> OutOfDistributionDetector:
    """Fit class means and one shrunk covariance alone.

    Args:
        unit: Normalised features, shape [N, F].
        labels: Class indices, shape [N].
        threshold: Of the detector.
    """
    present = np.unique(labels)
    means = np.stack([unit[labels == label].mean(axis=0) for label in present])
    centred = unit - means[np.searchsorted(present, labels)]
    num_features = centred.shape[1]
    values, vectors = _eigenvectors(centred)
    shrinkage = ledoit_wolf_shrinkage(centred, values)
    basis, variances = vectors[:_RANK], values[: len(vectors[:_RANK])]
    total = float((centred**2).sum() / len(centred))
    mean_variance = max(total / num_features, _MIN_VARIANCE)
    left = max(0.0, total - float(variances.sum()))
    outside = left / max(1, num_features - len(basis))
    return OutOfDistributionDetector(
        means=means,
        basis=basis,
        variances=(1 - shrinkage) * variances + shrinkage * mean_variance,
        rest=max((1 - shrinkage) * outside + shrinkage * mean_variance, _MIN_VARIANCE),
        threshold=threshold,
    )


def ledoit_wolf_shrinkage(centred: FloatArray, eigenvalues: FloatArray) -> float:
    """Compute the Ledoit-Wolf shrinkage of a covariance towards a multiple of the identity.

    As sklearn.covariance.ledoit_wolf_shrinkage computes it, but without the covariance, whose
    size is the square of F: its squared Frobenius norm is the sum of the squared eigenvalues.

    Args:
        centred: Rows of mean 0, shape [N, F].
        eigenvalues: Those of the covariance that are not 0.

    Returns:
        From 0 (the covariance as it is) to 1 (the multiple of the identity).
    """
    num_rows, num_features = centred.shape
    squared_norm = float((eigenvalues**2).sum())
    distance = squared_norm - float(eigenvalues.sum()) ** 2 / num_features
    if distance <= _MIN_VARIANCE * squared_norm:
        return 0.0
    fourth_moment = float(((centred**2).sum(axis=1) ** 2).sum()) / num_rows
    return float(min(1.0, (fourth_moment - squared_norm) / num_rows / distance))


def _eigenvectors(centred: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the eigenvalues [R] and eigenvectors [R, F] of the covariance, largest first."""
    num_rows, num_features = centred.shape
    if num_rows < num_features:  # the smaller of the two products has the same eigenvalues
        values, vectors = np.linalg.eigh(centred @ centred.T / num_rows)
    else:
        values, vectors = np.linalg.eigh(centred.T @ centred / num_rows)
    order = np.argsort(values)[::-1]
    order = order[values[order] > _MIN_VARIANCE]
    values, vectors = values[order], vectors[:, order]
    if num_rows < num_features:
        vectors = centred.T @ vectors / np.sqrt(values * num_rows)
    return values, vectors.T
