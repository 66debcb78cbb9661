"""Estimate how similar two photos of a class must be to be copies.

Photos of different cats are similar only by chance. Handwritten digits, X-rays and
frames of a fixed camera are alike without being copies. So random pairs of a class
are compared first, and pairs that are far more similar than these are copies.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pawsight.data.catalog import Catalog
from pawsight.data.duplicates.image_comparison import LIKE_DETAIL, Floats, detail_similarity
from pawsight.records import IntArray

NEVER = 2.0  # a similarity that no pair reaches
_MIN_PHOTOS = 20  # of a class, to estimate what is usual; most of fewer may be copies
_PAIRS = 2048  # compared in all
_MIN_PAIRS = 16  # compared in a class
_NUM_DEVIATIONS = 6.0  # standard deviations of a copy above the median
_MAX_MEDIAN = 0.9  # of a class in which copies can be recognised by their similarity


def similarity_thresholds(
    catalog: Catalog, indices: IntArray, planes: Callable[[IntArray], Floats]
) -> dict[str, float]:
    """Compute the similarity from which two photos of a class are copies.

    Args:
        catalog: The photos.
        indices: Catalog indices of the photos to estimate it from, shape [N].
        planes: Returns the RGB planes of photos, as `planes_of` does.

    Returns:
        The threshold by label. It is `NEVER` if photos of the class are so alike that
        only photos with equal bytes count as copies, and 1 if only copies that were
        neither moved nor marked can be recognised.
    """
    # Ordered by the hashes of their bytes, which is random, but the same on any machine.
    ordered = sorted(indices.tolist(), key=lambda index: catalog.photos[index].sha256)
    members: dict[str, list[int]] = {}
    for index in ordered:
        members.setdefault(catalog.photos[index].label, []).append(index)
    max_pairs = max(_MIN_PAIRS, _PAIRS // max(1, len(members)))
    thresholds = dict.fromkeys(members, LIKE_DETAIL)
    for label, of_class in members.items():
        if len(of_class) >= _MIN_PHOTOS:
            half = len(of_class) // 2
            count = min(half, max_pairs)
            first, second = np.array(of_class[:count]), np.array(of_class[half : half + count])
            thresholds[label] = _threshold(detail_similarity(planes(first), planes(second)))
    return thresholds


def _threshold(similarities: Floats) -> float:
    """Compute the threshold from the similarities of random pairs of a class."""
    median = float(np.median(similarities))
    if median > _MAX_MEDIAN:
        return NEVER
    # The standard deviation of a normal distribution, by its median absolute deviation.
    deviation = 1.4826 * float(np.median(np.abs(similarities - median)))
    return min(1.0, max(LIKE_DETAIL, median + _NUM_DEVIATIONS * deviation))
