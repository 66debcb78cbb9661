"""When classes are so uneven that it must be said, and what is done about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

UNEVEN = 1.5  # photos of the most frequent class over those of the rarest


def unevenness(counts: Iterable[int]) -> float:
    """Photos of the most frequent class over those of the rarest; classes without any do not count.

    Returns:
        1 or more; 1 if fewer than two classes have photos.
    """
    present = [count for count in counts if count]
    return max(present) / min(present) if present else 1.0


def is_imbalanced(counts: Iterable[int]) -> bool:
    """Whether classes differ by more than 1.5 to 1."""
    return unevenness(counts) > UNEVEN


def class_weights(counts: Sequence[int]) -> tuple[float, ...]:
    """Weigh classes so that each counts alike, and a photo counts 1 on average.

    Source: scikit-learn's class_weight="balanced": n / (K * n_c), with n photos
    in all, n_c of class c, and K classes.

    Args:
        counts: Photos of each class; those without any get the weight 0.
    """
    present = sum(count > 0 for count in counts)
    return tuple(sum(counts) / (present * count) if count else 0.0 for count in counts)
