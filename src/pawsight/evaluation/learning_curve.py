"""Forecast the error with more training photos from a measured learning curve.

The logarithm of the error is modelled as a piecewise linear function of the logarithm of
the number of photos: a power law whose exponent changes slowly. The exponent of each
piece is the previous exponent plus a random change, so that a forecast is less certain
with every doubling, and a curve that flattens does not continue at its former slope. All
random variables are normal, so the forecast has a closed form. Source:
arXiv:2303.01598, where a piecewise power law was better than a single power law.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pawsight.records import IntArray

# Prior mean and standard deviation of the exponent, and standard deviation of its change per
# doubling; chosen in benchmarks/learning_curve.
EXPONENT, EXPONENT_DEVIATION = 0.35, 0.25
CHANGE_DEVIATION = 0.12
# Standard deviations of a measured log error in addition to the sampling error: of a fitted head,
# and of a network trained from random weights, between seeds (benchmarks/time_to_accuracy).
HEAD_NOISE, NETWORK_NOISE = 0.03, 0.05
_Z = 1.6448536269514722  # of a 90 % interval


@dataclass(frozen=True, slots=True)
class Forecast:
    """The accuracy to expect with a number of training photos."""

    num_photos: int  # training photos of all classes
    accuracy: float  # 0..1
    low: float  # lower end of the 90 % interval
    high: float  # upper end of the 90 % interval


def forecast(
    num_photos: Sequence[int],
    num_wrong: Sequence[int],
    num_tested: int,
    targets: Sequence[int],
    noise: float = HEAD_NOISE,
) -> list[Forecast]:
    """Forecast the accuracy with other numbers of training photos.

    Args:
        num_photos: Training photos of each measurement, ascending, at least one.
        num_wrong: Mistakes of each measurement.
        num_tested: Photos that each measurement was made on, above 0.
        targets: Numbers of training photos to forecast.
        noise: Standard deviation of a measured log error, in addition to the sampling error.

    Returns:
        The forecast for each number in `targets`.
    """
    measured = np.log(np.array(num_photos, np.float64))
    knots = np.unique(np.concatenate([measured, np.log(np.array(targets, np.float64))]))
    means, covariance = _posterior(knots, measured, np.array(num_wrong), num_tested, noise)
    forecasts = []
    for number in targets:
        i = int(np.searchsorted(knots, np.log(number) - 1e-9))
        half_width = _Z * float(np.sqrt(covariance[i, i]))
        errors = np.exp(means[i] + half_width * np.array([0, 1, -1])).clip(max=1.0)
        forecasts.append(Forecast(number, *(1 - errors).tolist()))
    return forecasts


def _posterior(
    knots: NDArray[np.float64],
    measured: NDArray[np.float64],
    num_wrong: IntArray,
    num_tested: int,
    noise: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the posterior of the log error at each knot.

    Args:
        knots: Logarithms of numbers of photos, ascending, shape [M].
        measured: Those of the measurements, all of them knots, shape [P].
        num_wrong: Mistakes of each measurement, shape [P].
        num_tested: Photos that each measurement was made on.
        noise: Standard deviation of a measured log error, in addition to the sampling error.

    Returns:
        Mean, shape [M], and covariance, shape [M, M].
    """
    steps = np.diff(knots)
    count = len(knots)
    # Parameters: the first log error, the first slope, and each change of the slope.
    slopes = np.tri(count - 1)  # the slope of a piece is the sum of the changes up to it
    to_values = np.zeros((count, count))
    to_values[:, 0] = 1
    to_values[1:, 1:] = np.tri(count - 1) @ (steps[:, None] * slopes)
    spans = (steps[1:] + steps[:-1]) / 2 / np.log(2)
    deviations = np.concatenate([[10, EXPONENT_DEVIATION], CHANGE_DEVIATION * np.sqrt(spans)])
    prior = np.zeros(count)
    prior[:2] = (0, -EXPONENT)
    deviations, prior = deviations[:count], prior[:count]
    share = (num_wrong + 0.5) / (num_tested + 1)
    variance = (1 - share) / (num_wrong + 0.5) + noise**2
    rows = to_values[np.searchsorted(knots, measured - 1e-9)]
    precision = np.diag(1 / deviations**2) + (rows / variance[:, None]).T @ rows
    right_side = prior / deviations**2 + (rows / variance[:, None]).T @ np.log(share)
    covariance = np.linalg.inv(precision)
    return to_values @ covariance @ right_side, to_values @ covariance @ to_values.T
