"""Find photos that are copies of photos that a model was trained on.

A score on such photos does not show how well the model works on new photos. Copies are
defined as for the split: equal bytes, or the same picture re-encoded, resized, mirrored
or slightly cropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pawsight.data.catalog import Catalog
from pawsight.data.duplicates.hash_search import HashPairs, near_hashes
from pawsight.data.duplicates.image_comparison import Floats, same_picture
from pawsight.data.duplicates.near_duplicates import (
    BLANK_CONTRAST,
    mirror_images,
    read_planes,
)
from pawsight.data.duplicates.similarity_threshold import similarity_thresholds
from pawsight.data.reading.stream import is_lost
from pawsight.records import IntArray, Pixels

_MAX_DECODED = 2000  # training photos, the closest hashes first: some 20 seconds
_MAX_HASH_DISTANCE = 3  # of 64 bits; the hashes of different photos are rarely so close


@dataclass(frozen=True, slots=True)
class CopiesOfTraining:
    """Which photos of a catalog are copies of training photos."""

    is_exact: NDArray[np.bool_]  # whether a training photo has the same bytes, shape [N]
    is_near: NDArray[np.bool_]  # whether one shows the same picture with other bytes, shape [N]


def copies_of_training(
    catalog: Catalog, pixels: Pixels, training: Catalog, training_pixels: Pixels
) -> CopiesOfTraining:
    """Find the photos of a catalog that are copies of training photos.

    The pixels of pairs with close hashes are compared. If a training photo can no
    longer be read, its hash alone decides.

    Args:
        catalog: The photos to check.
        pixels: Their pixels.
        training: The catalog of the run; its part "train" is compared.
        training_pixels: Its pixels; only candidates are read.

    Returns:
        For each photo of the catalog, whether it is a copy. A photo that could not be
        read counts as none.
    """
    train = training.part("train")
    train_hashes = {training.photos[i].sha256 for i in train}
    is_exact = np.array(
        [p.sha256 in train_hashes and not p.problem for p in catalog.photos], np.bool_
    )
    is_near = np.zeros(len(catalog.photos), np.bool_)
    indices = _not_blank(catalog, catalog.usable[~is_exact[catalog.usable]])
    train = _not_blank(training, train)
    if not len(indices) or not len(train):
        return CopiesOfTraining(is_exact, is_near)
    pairs = _cross_pairs(catalog, indices, training, train)
    if len(pairs.first):
        by_label = similarity_thresholds(
            catalog, indices, lambda chosen: read_planes(pixels, chosen)
        )
        thresholds = [by_label[catalog.photos[i].label] for i in pairs.first]
        same = _same(pairs, np.array(thresholds, np.float32), pixels, training_pixels)
        is_near[pairs.first[same]] = True
    return CopiesOfTraining(is_exact, is_near)


def _same(
    pairs: HashPairs, thresholds: Floats, pixels: Pixels, training_pixels: Pixels
) -> NDArray[np.bool_]:
    first = read_planes(pixels, pairs.first)
    second = mirror_images(read_planes(training_pixels, pairs.second), pairs.is_mirrored)
    by_hash = (pairs.distance <= _MAX_HASH_DISTANCE) & (thresholds < 1)
    by_pixels = same_picture(first, second, thresholds)
    return np.asarray(np.where(is_lost(training_pixels, pairs.second), by_hash, by_pixels))


def _cross_pairs(
    catalog: Catalog, indices: IntArray, training: Catalog, train: IntArray
) -> HashPairs:
    """Return pairs of a photo of the catalog and a training photo, by their catalog indices."""
    hashes = [int(catalog.photos[i].phash, 16) for i in indices]
    hashes += [int(training.photos[i].phash, 16) for i in train]
    pairs = near_hashes(np.array(hashes, np.uint64))
    is_crossing = (pairs.first < len(indices)) & (pairs.second >= len(indices))
    first = indices[pairs.first[is_crossing]]
    second = train[pairs.second[is_crossing] - len(indices)]
    _, positions, inverse = np.unique(second, return_index=True, return_inverse=True)
    # The rank of each training photo by its closest pair; pairs are sorted by distance.
    ranks = np.argsort(np.argsort(positions))[inverse]
    kept = ranks < _MAX_DECODED
    return HashPairs(
        first[kept],
        second[kept],
        pairs.is_mirrored[is_crossing][kept],
        pairs.distance[is_crossing][kept],
    )


def _not_blank(catalog: Catalog, indices: IntArray) -> IntArray:
    """Return the photos that are not blank: the hash of a blank photo is random."""
    contrasts = np.array([catalog.photos[i].contrast for i in indices], np.float64)
    return np.asarray(indices[contrasts >= BLANK_CONTRAST])
