"""How the error falls with the number of photos, and what more of them would bring.

In logarithms an error falls piecewise in straight lines: a power law whose
exponent changes slowly. Each piece's exponent is that of the piece before plus a
random change, so that a forecast grows less certain with every doubling, and a
curve that flattens is not continued at its former slope. All is normal in
logarithms, so the forecast has a closed form. Source: arXiv:2303.01598, where a
piecewise power law, and its uncertainty, were better than one power law.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pawsight.records import IntArray

# What the exponent of an error is before anything was measured, and how much it changes from one
# doubling to the next; chosen in benchmarks/learning_curve.
EXPONENT, EXPONENT_DEVIATION = 0.35, 0.25
CHANGE_DEVIATION = 0.12
# Of a measured log error, beside that of counting: of a fitted head, and of a network trained from
# random weights, whose seeds differ by so much (pawsight's cells of benchmarks/time_to_accuracy).
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
    wanted: Sequence[int],
    noise: float = HEAD_NOISE,
) -> list[Forecast]:
    """Forecast the accuracy with other numbers of training photos.

    Args:
        num_photos: Training photos of each measurement, ascending, at least one.
        num_wrong: Mistakes of each measurement.
        num_tested: Photos that each measurement was made on, above 0.
        wanted: Numbers of training photos to forecast.
        noise: Standard deviation of a measured log error, beside that of counting.
    """
    measured = np.log(np.array(num_photos, np.float64))
    places = np.unique(np.concatenate([measured, np.log(np.array(wanted, np.float64))]))
    values, covariance = _posterior(places, measured, np.array(num_wrong), num_tested, noise)
    found = []
    for number in wanted:
        at = int(np.searchsorted(places, np.log(number) - 1e-9))
        reach = _Z * float(np.sqrt(covariance[at, at]))
        best, worst = (float(np.exp(values[at] + side * reach)) for side in (-1, 1))
        middle = float(np.exp(values[at]))
        found.append(Forecast(number, *(1 - min(1.0, e) for e in (middle, worst, best))))
    return found


def _posterior(
    places: NDArray[np.float64],
    measured: NDArray[np.float64],
    num_wrong: IntArray,
    num_tested: int,
    noise: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean [M] and covariance [M, M] of the log error at logarithms of photos [M]."""
    steps = np.diff(places)
    count = len(places)
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
    rows = to_values[np.searchsorted(places, measured - 1e-9)]
    precision = np.diag(1 / deviations**2) + (rows / variance[:, None]).T @ rows
    right = prior / deviations**2 + (rows / variance[:, None]).T @ np.log(share)
    covariance = np.linalg.inv(precision)
    return to_values @ covariance @ right, to_values @ covariance @ to_values.T
