"""Tests of whether two groups differ by more than chance explains."""

from __future__ import annotations

from math import comb, erfc, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pawsight.records import FloatArray


def rank_sum_p_value(
    own_strata: FloatArray, own: FloatArray, other_strata: FloatArray, other: FloatArray
) -> float:
    """Compute the p-value of the stratified rank-sum test of van Elteren, two-sided.

    Args:
        own_strata: Stratum of each value of `own`, shape [N].
        own: Shape [N].
        other_strata: Stratum of each value of `other`, shape [M].
        other: Shape [M].

    Returns:
        0..1; 1 where no stratum has values of both.
    """
    total = variance = 0.0
    for stratum in np.unique(own_strata):
        a, b = own[own_strata == stratum], other[other_strata == stratum]
        m, n = len(a), len(b)
        if not m or not n:
            continue
        _, places, counts = np.unique(
            np.concatenate([a, b]), return_inverse=True, return_counts=True
        )
        ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]  # ties share their mean rank
        ties = float((counts**3 - counts).sum()) / ((m + n) * (m + n - 1)) if m + n > 1 else 0.0
        weight = 1 / (m + n + 1)
        total += weight * (float(ranks[m:].sum()) - n * (m + n + 1) / 2)
        variance += weight**2 * m * n / 12 * (m + n + 1 - ties)
    return erfc(abs(total) / sqrt(2 * variance)) if variance > 0 else 1.0


def excess_p_value(num_own: int, own: int, num_other: int, other: int) -> float:
    """Compute the one-sided p-value of Fisher's exact test that the other share is larger.

    Args:
        num_own: Of `own` photos, those that count.
        own: Above 0.
        num_other: Of `other` photos, those that count.
        other: Above 0.
    """
    counting = num_own + num_other
    ways = sum(
        comb(other, k) * comb(own, counting - k) for k in range(num_other, min(counting, other) + 1)
    )
    return ways / comb(own + other, counting)
