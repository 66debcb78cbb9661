"""Find photos that the shipped network was trained on, by their difference hashes."""

from __future__ import annotations

import numpy as np

from pawsight.data.catalog import Catalog
from pawsight.data.duplicates.hash_search import mirrored
from pawsight.data.duplicates.near_duplicates import BLANK_CONTRAST
from pawsight.models import builtin
from pawsight.records import IntArray, Part

_MAX_BITS = 3  # of 64 that may differ; 2 of 2,675 other photos had no more


def network_photos(catalog: Catalog, part: Part) -> IntArray:
    """Return the photos of a part that the shipped network was trained on.

    Mirror images count, too. Only hashes are compared, so a few other photos may be included.

    Returns:
        Indices of photos, ascending, shape [N].
    """
    indices = [i for i in catalog.part(part).tolist() if _has_picture(catalog, i)]
    training_hashes = np.load(builtin.training_photos_path())
    hashes = np.array([int(catalog.photos[i].phash, 16) for i in indices], np.uint64)
    pairs = np.stack([hashes, mirrored(hashes)], axis=1)
    # One photo at a time: for few photos, faster than an index of all training photos.
    matches = [
        i
        for i, pair in zip(indices, pairs, strict=True)
        if np.bitwise_count(training_hashes ^ pair[:, None]).min() <= _MAX_BITS
    ]
    return np.array(matches, np.int64)


def _has_picture(catalog: Catalog, index: int) -> bool:
    photo = catalog.photos[index]
    return bool(photo.phash) and (photo.contrast or 0.0) >= BLANK_CONTRAST
