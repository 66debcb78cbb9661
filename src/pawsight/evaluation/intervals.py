"""95 % confidence intervals of shares."""

from __future__ import annotations

from math import sqrt

from pawsight.records import IntArray

Interval = tuple[float, float]

_Z = 1.959963984540054  # of a 95 % interval


def wilson_interval(num_correct: int, n: int) -> Interval:
    """Compute the 95 % interval (low, high) of a share, valid near 0 and 1 and for few photos.

    Source: Wilson 1927, "Probable inference, the law of succession, and
    statistical inference".
    """
    share = num_correct / n
    scale = 1 + _Z**2 / n
    middle = (share + _Z**2 / (2 * n)) / scale
    reach = _Z / scale * sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def balanced_interval(num_correct: IntArray, support: IntArray) -> Interval:
    """Compute the 95 % interval (low, high) of a mean recall from those of the classes.

    Each class deviates from its recall as far as its Wilson interval does, and
    independent deviations add up by their squares. Source: Zou and Donner 2008,
    "Construction of confidence limits about effect measures: a general approach".

    Args:
        num_correct: Correctly classified photos of each class, shape [K].
        support: Photos of each class, shape [K]; classes without any do not count.
    """
    present = [(int(c), int(n)) for c, n in zip(num_correct, support, strict=True) if n]
    middle = sum(c / n for c, n in present) / len(present)
    ends = [(c / n, *wilson_interval(c, n)) for c, n in present]
    below = sqrt(sum((share - low) ** 2 for share, low, _ in ends)) / len(present)
    above = sqrt(sum((high - share) ** 2 for share, _, high in ends)) / len(present)
    # Beyond 0 and 1 by rounding alone.
    return max(0.0, middle - below), min(1.0, middle + above)
