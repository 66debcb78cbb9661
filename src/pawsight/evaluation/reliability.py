"""Measure how far probabilities are from observed accuracy, and how far by chance alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pawsight.records import FloatArray
from pawsight.storage.json_records import Record

NUM_BINS = 15  # Source: arXiv:1706.04599
_NUM_DRAWS = 2000
_SEED = 0


class Bin(Record):
    """Photos whose predictions have similar probabilities, low < probability <= high."""

    low: float
    high: float
    n: int  # photos
    confidence: float  # mean probability of the predictions
    accuracy: float  # share of correct predictions


class CalibrationNoise(NamedTuple):
    """The calibration error that a perfectly calibrated model would show by chance."""

    mean: float
    high: float  # 95 % quantile


def reliability_bins(confidences: FloatArray, is_correct: NDArray[np.bool_]) -> tuple[Bin, ...]:
    """Divide predictions into 15 bins of equal width by their probability.

    Args:
        confidences: Probability of each prediction, shape [N].
        is_correct: Whether it is correct, shape [N].

    Returns:
        The bins that contain photos, in order of ascending probability.
    """
    # Bin b holds confidences in (b / 15, (b + 1) / 15], as in the source.
    numbers = np.clip(np.ceil(confidences * NUM_BINS).astype(int) - 1, 0, NUM_BINS - 1)
    bins = []
    for b in np.unique(numbers):
        inside = numbers == b
        bins.append(
            Bin(
                low=int(b) / NUM_BINS,
                high=(int(b) + 1) / NUM_BINS,
                n=int(inside.sum()),
                confidence=float(confidences[inside].mean()),
                accuracy=float(is_correct[inside].mean()),
            )
        )
    return tuple(bins)


def calibration_error(bins: Sequence[Bin]) -> float:
    """Compute the expected calibration error: the mean gap between probability and accuracy.

    Source: arXiv:1706.04599.

    Args:
        bins: From `reliability_bins`, at least one.

    Returns:
        0..1; 0 is perfect.
    """
    total = sum(b.n for b in bins)
    return sum(b.n * abs(b.confidence - b.accuracy) for b in bins) / total


def calibration_noise(bins: Sequence[Bin]) -> CalibrationNoise:
    """Compute the calibration error that a perfectly calibrated model would show by chance.

    Even such a model has an error, since of few photos in a bin, rarely exactly the
    expected share is correct. In 2,000 draws with a fixed seed, the photos of
    each bin are correct with the bin's mean probability.
    Source: Bröcker and Smith 2007, "Increasing the reliability of reliability
    diagrams" (consistency resampling).

    Args:
        bins: From `reliability_bins`, at least one.
    """
    counts = np.array([b.n for b in bins])
    confidences = np.clip([b.confidence for b in bins], 0.0, 1.0)
    draws = np.random.default_rng(_SEED).binomial(counts, confidences, (_NUM_DRAWS, len(counts)))
    errors = np.abs(draws - counts * confidences).sum(axis=1) / counts.sum()
    return CalibrationNoise(float(errors.mean()), float(np.quantile(errors, 0.95)))
