"""Which photos the shipped network was made with, by their difference hashes."""

from __future__ import annotations

import numpy as np

from pawsight.data.catalog import Catalog
from pawsight.data.duplicates.hash_search import mirrored
from pawsight.data.duplicates.near_duplicates import BLANK_CONTRAST
from pawsight.models import builtin
from pawsight.records import IntArray, Part

_MOST_BITS = 3  # of 64 that may differ: 2 of 2,675 other photos were as close as that


def network_photos(catalog: Catalog, part: Part) -> IntArray:
    """Return the photos of a part that show a picture the shipped network was made with.

    A mirror image counts, too. Photos are compared by their hashes alone, so a few of other
    pictures may be among them.

    Returns:
        Indices of photos, ascending, shape [N].
    """
    own = [i for i in catalog.part(part).tolist() if _has_picture(catalog, i)]
    known = np.load(builtin.training_photos_path())
    hashes = np.array([int(catalog.photos[i].phash, 16) for i in own], np.uint64)
    both = np.stack([hashes, mirrored(hashes)], axis=1)
    # One photo at a time: for few photos, faster than an index of all the known ones.
    found = [
        i
        for i, pair in zip(own, both, strict=True)
        if np.bitwise_count(known ^ pair[:, None]).min() <= _MOST_BITS
    ]
    return np.array(found, np.int64)


def _has_picture(catalog: Catalog, index: int) -> bool:
    photo = catalog.photos[index]
    return bool(photo.phash) and (photo.contrast or 0.0) >= BLANK_CONTRAST
