"""Tests whether two groups differ by more than chance."""

from __future__ import annotations

from math import comb, erfc, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pawsight.records import FloatArray


def rank_sum_p_value(
    first_strata: FloatArray, first: FloatArray, second_strata: FloatArray, second: FloatArray
) -> float:
    """Compute the p-value of the stratified rank-sum test of van Elteren, two-sided.

    Args:
        first_strata: Stratum of each value of `first`, shape [N].
        first: Values of the first group, shape [N].
        second_strata: Stratum of each value of `second`, shape [M].
        second: Values of the second group, shape [M].

    Returns:
        0..1; 1 where no stratum has values of both groups.
    """
    total = variance = 0.0
    for stratum in np.unique(first_strata):
        a, b = first[first_strata == stratum], second[second_strata == stratum]
        m, n = len(a), len(b)
        if not m or not n:
            continue
        _, inverse, counts = np.unique(
            np.concatenate([a, b]), return_inverse=True, return_counts=True
        )
        ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]  # ties share their mean rank
        ties = float((counts**3 - counts).sum()) / ((m + n) * (m + n - 1)) if m + n > 1 else 0.0
        weight = 1 / (m + n + 1)
        total += weight * (float(ranks[m:].sum()) - n * (m + n + 1) / 2)
        variance += weight**2 * m * n / 12 * (m + n + 1 - ties)
    return erfc(abs(total) / sqrt(2 * variance)) if variance > 0 else 1.0


def excess_p_value(num_first: int, first: int, num_second: int, second: int) -> float:
    """Compute the one-sided p-value of Fisher's exact test that the second share is larger.

    Args:
        num_first: The number of the `first` photos that have a property.
        first: Photos of the first group, above 0.
        num_second: The number of the `second` photos that have the property.
        second: Photos of the second group, above 0.
    """
    total = num_first + num_second
    ways = sum(
        comb(second, k) * comb(first, total - k) for k in range(num_second, min(total, second) + 1)
    )
    return ways / comb(first + second, total)
