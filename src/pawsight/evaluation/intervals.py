"""Compute 95 % confidence intervals of shares."""

from __future__ import annotations

from math import sqrt

from pawsight.records import IntArray

Interval = tuple[float, float]

_Z = 1.959963984540054  # of a 95 % interval


def wilson_interval(num_correct: int, n: int) -> Interval:
    """Compute the 95 % interval (low, high) of a share, 0..1; also valid for few photos.

    Source: Wilson 1927, "Probable inference, the law of succession, and
    statistical inference".

    Args:
        num_correct: From 0 to `n`.
        n: Number of photos, above 0.
    """
    share = num_correct / n
    scale = 1 + _Z**2 / n
    centre = (share + _Z**2 / (2 * n)) / scale
    half_width = _Z / scale * sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return max(0.0, centre - half_width), min(1.0, centre + half_width)


def balanced_interval(num_correct: IntArray, support: IntArray) -> Interval:
    """Compute the 95 % interval (low, high) of the mean recall of the classes, 0..1.

    The ends of the classes' Wilson intervals are combined: the squares of independent
    deviations add up. Source: Zou and Donner 2008, "Construction of confidence limits
    about effect measures: a general approach".

    Args:
        num_correct: Correctly classified photos of each class, shape [K].
        support: Photos of each class, shape [K]; classes without photos are ignored.
    """
    present = [(int(c), int(n)) for c, n in zip(num_correct, support, strict=True) if n]
    mean = sum(c / n for c, n in present) / len(present)
    ends = [(c / n, *wilson_interval(c, n)) for c, n in present]
    below = sqrt(sum((share - low) ** 2 for share, low, _ in ends)) / len(present)
    above = sqrt(sum((high - share) ** 2 for share, _, high in ends)) / len(present)
    # Only rounding errors can exceed 0..1.
    return max(0.0, mean - below), min(1.0, mean + above)
