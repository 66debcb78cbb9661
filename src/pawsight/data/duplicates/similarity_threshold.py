"""How similar two photos must be to be copies, by what is usual in their class.

Two photos of different cats have nothing in common but chance. Two handwritten
ones, two X-rays, two frames of a fixed camera are alike without being copies.
So pairs of a class that were not chosen for their similarity are compared first, and
a copy is what stands out from them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pawsight.data.catalog import Catalog
from pawsight.data.duplicates.image_comparison import LIKE_DETAIL, Floats, detail_similarity
from pawsight.records import IntArray

NEVER = 2.0  # a similarity that no pair reaches
_MIN_PHOTOS = (
    20  # photos of a class, to estimate what is usual in it; fewer may be copies themselves
)
_PAIRS = 2048  # compared in all
_PAIRS_OF_A_CLASS = 16  # at least
_OUTSTANDING = 6.0  # standard deviations above what is usual


def similarity_thresholds(
    catalog: Catalog, indices: IntArray, shrunk: Callable[[IntArray], Floats]
) -> dict[str, float]:
    """Compute for each class the similarity from which two of its photos are copies.

    Args:
        catalog: The photos.
        indices: Those to judge by, such as the candidates, shape [N].
        shrunk: Gives the RGB planes of photos, as `planes_of` does.

    Returns:
        By label. `NEVER` where photos of the class are so alike that only equal
        bytes make copies; 1 or more where only copies that were neither moved
        nor marked can be recognised.
    """
    # In the order of their bytes' hashes: as good as at random, and the same on any machine.
    ordered = sorted(indices.tolist(), key=lambda index: catalog.photos[index].sha256)
    members: dict[str, list[int]] = {}
    for index in ordered:
        members.setdefault(catalog.photos[index].label, []).append(index)
    most = max(_PAIRS_OF_A_CLASS, _PAIRS // max(1, len(members)))
    thresholds = {}
    for label, some in members.items():
        limit = LIKE_DETAIL
        if len(some) >= _MIN_PHOTOS:
            half = len(some) // 2
            one, other = (np.array(part[:most], np.int64) for part in (some, some[half:]))
            count = min(half, most)
            limit = _limit(detail_similarity(shrunk(one[:count]), shrunk(other[:count])))
        thresholds[label] = limit
    return thresholds


def _limit(usual: Floats) -> float:
    middle = float(np.median(usual))
    if middle > 0.9:
        return NEVER
    spread = 1.4826 * float(np.median(np.abs(usual - middle)))  # of a normal distribution
    return min(1.0, max(LIKE_DETAIL, middle + _OUTSTANDING * spread))
