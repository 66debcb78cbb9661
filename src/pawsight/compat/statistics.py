"""Statistics that `fit` computes: mean, standard deviation, and the whitening matrix."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Statistics(NamedTuple):
    """Statistics of sample photos; None where not requested."""

    mean: NDArray[Any] | None  # per channel, shaped to be subtracted from one photo
    std: NDArray[Any] | None  # per channel, after subtracting the mean; shaped the same
    whitening: NDArray[Any] | None  # ZCA matrix, shape [P, P] for photos of P numbers


def measure(
    photos: NDArray[Any],
    channel_axis: int,
    with_mean: bool,
    with_std: bool,
    zca_epsilon: float | None,
) -> Statistics:
    """Compute the statistics of sample photos, modifying the array.

    Args:
        photos: Float, shape [N, H, W, C] or [N, C, H, W].
        channel_axis: 3 or 1.
        with_mean: Compute the mean, and subtract it first.
        with_std: Compute the standard deviation, and divide by it.
        zca_epsilon: Added to the singular values; None means no whitening.
    """
    mean = std = whitening = None
    others = tuple(axis for axis in range(4) if axis != channel_axis)
    if with_mean:
        mean = photos.mean(axis=others, keepdims=True)[0]
        photos -= mean
    if with_std:
        std = photos.std(axis=others, keepdims=True)[0]
        photos /= std + 1e-6
    if zca_epsilon is not None:
        count = len(photos)
        left, singular, _ = np.linalg.svd(photos.reshape(count, -1).T, full_matrices=False)
        whitening = (left * (np.sqrt(count) / (singular + zca_epsilon))) @ left.T
    return Statistics(mean, std, whitening)
