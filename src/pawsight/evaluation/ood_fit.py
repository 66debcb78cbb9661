"""Fit the detector of photos that are unlike the training set, and choose its threshold.

The threshold is chosen by photos that the detector was not fitted to, since photos that
it was fitted to have smaller distances than new photos.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pawsight.errors import ShapeError
from pawsight.evaluation.label_errors import group_folds
from pawsight.inference.out_of_distribution import OutOfDistributionDetector, normalised
from pawsight.records import FloatArray, IntArray

REFUSED_SHARE = 0.025  # of photos like the training set that are refused
MIN_FOREIGN = 20  # photos of none of the classes, to choose the threshold by them
_MIN_REFUSED, _MAX_REFUSED = 0.005, 0.05  # share of own photos that such a threshold refuses
_RANK = 256  # eigenvectors kept: 0.65 MB at 1,280 features; more were no better (see docs)
_FOLDS = 5
_LEAVE_ONE_OUT = 60  # photos; of so few, a fit without a fifth would be much worse
_ENOUGH_FOR_QUANTILE = 200  # distances; to fewer, a log-normal distribution is fitted
_MIN_VARIANCE = 1e-9
_MAD_TO_DEVIATION = 1.4826  # ratio of standard to median absolute deviation of a normal variable
_NORMAL_QUANTILE = 1.959964  # of the standard normal distribution at 1 - REFUSED_SHARE


def fit_detector(
    features: FloatArray, labels: IntArray, seed: int = 0, foreign: FloatArray | None = None
) -> OutOfDistributionDetector:
    """Fit class means and a shared shrunk covariance, and the threshold by cross-validation.

    Args:
        features: Shape [N, F], not normalised, N at least 2.
        labels: Class indices, shape [N], every class at least once.
        seed: Of the division into folds.
        foreign: Features of photos of none of the classes, shape [M, F]. With 20 or more, the
            threshold is chosen by `dividing_threshold`.

    Returns:
        A detector that refuses about `REFUSED_SHARE` of photos like these, or the share that
        was chosen by `foreign`.

    Raises:
        ShapeError: The arrays disagree on N, or N is below 2.
    """
    if features.ndim != 2 or labels.shape != (len(features),) or len(features) < 2:
        raise ShapeError(
            f"Features [N, F] and labels [N] with N of at least 2 are needed, "
            f"not {features.shape} and {labels.shape}."
        )
    unit = normalised(features)
    held_out = _held_out_distances(unit, labels, seed)
    detector = fit_unit(unit, labels, threshold_of(held_out))
    if foreign is None or len(foreign) < MIN_FOREIGN or len(held_out) < MIN_FOREIGN:
        return detector
    distances = detector.distances(foreign)
    return replace(detector, threshold=dividing_threshold(held_out, distances))


def dividing_threshold(own: FloatArray, foreign: FloatArray) -> float:
    """Choose the threshold that separates own from foreign photos best.

    Of thresholds that refuse 0.5 to 5 % of own photos, it has the highest sum of the shares
    of accepted own photos and of refused foreign photos; of equal thresholds, it is the
    lowest.

    Args:
        own: Distances of own photos that the detector was not fitted to, shape [N].
        foreign: Distances of photos of none of the classes, shape [M].
    """
    thresholds = np.quantile(own, np.linspace(1 - _MAX_REFUSED, 1 - _MIN_REFUSED, 19))
    scores = [(own <= t).mean() + (foreign > t).mean() for t in thresholds]
    return float(thresholds[int(np.argmax(scores))])


def threshold_of(distances: FloatArray) -> float:
    """Estimate the distance that `REFUSED_SHARE` of similar photos exceed.

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


def _held_out_distances(unit: FloatArray, labels: IntArray, seed: int) -> FloatArray:
    """Compute distances of photos to a detector that was fitted without their fold."""
    num_folds = len(labels) if len(labels) <= _LEAVE_ONE_OUT else _FOLDS
    folds = group_folds(labels, range(len(labels)), num_folds, seed)
    # A single large fold is enough for a quantile, and saves fits.
    is_one_enough = len(labels) // num_folds >= _ENOUGH_FOR_QUANTILE
    distances = []
    for fold in range(1 if is_one_enough else int(folds.max()) + 1):
        is_out = folds == fold
        detector = fit_unit(unit[~is_out], labels[~is_out])
        distances.append(detector.distances(unit[is_out]))
    return np.concatenate(distances)


def fit_unit(
    unit: FloatArray, labels: IntArray, threshold: float = 1.0
) -> OutOfDistributionDetector:
    """Fit class means and a shared shrunk covariance to normalised features.

    Args:
        unit: Normalised features, shape [N, F].
        labels: Class indices, shape [N].
        threshold: Of the detector, which is not fitted here.
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

    The result equals sklearn.covariance.ledoit_wolf_shrinkage, without computing the
    covariance [F, F]: its squared Frobenius norm is the sum of the squared eigenvalues.

    Args:
        centred: Rows with mean 0, shape [N, F].
        eigenvalues: Nonzero eigenvalues of the covariance.

    Returns:
        From 0 (only the covariance) to 1 (only the multiple of the identity).
    """
    num_rows, num_features = centred.shape
    squared_norm = float((eigenvalues**2).sum())
    distance = squared_norm - float(eigenvalues.sum()) ** 2 / num_features
    if distance <= _MIN_VARIANCE * squared_norm:
        return 0.0
    fourth_moment = float(((centred**2).sum(axis=1) ** 2).sum()) / num_rows
    return float(min(1.0, (fourth_moment - squared_norm) / num_rows / distance))


def _eigenvectors(centred: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Compute the eigenvalues [R] and eigenvectors [R, F] of the covariance, largest first."""
    num_rows, num_features = centred.shape
    if num_rows < num_features:  # the smaller product has the same nonzero eigenvalues
        values, vectors = np.linalg.eigh(centred @ centred.T / num_rows)
    else:
        values, vectors = np.linalg.eigh(centred.T @ centred / num_rows)
    order = np.argsort(values)[::-1]
    order = order[values[order] > _MIN_VARIANCE]
    values, vectors = values[order], vectors[:, order]
    if num_rows < num_features:
        vectors = centred.T @ vectors / np.sqrt(values * num_rows)
    return values, vectors.T
