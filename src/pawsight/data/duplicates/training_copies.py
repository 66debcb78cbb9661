"""Find photos that are copies of photos a model was trained on.

A model knows these, so a score on them says little of new photos. Copies are what
they are for the split: equal bytes, or the same picture re-encoded, resized,
mirrored or slightly cropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pawsight.data.catalog import Catalog
from pawsight.data.duplicates.hash_search import HashPairs, near_hashes
from pawsight.data.duplicates.image_comparison import same_picture
from pawsight.data.duplicates.near_duplicates import (
    BLANK_CONTRAST,
    mirror_images,
    read_planes,
)
from pawsight.data.duplicates.similarity_threshold import similarity_thresholds
from pawsight.data.reading.stream import is_lost
from pawsight.records import IntArray, Pixels

_MAX_DECODED = 2000  # training photos, those of the closest hashes first: some 20 seconds
_NEAR_CERTAIN = 3  # of 64 bits of a hash: what two different photos of a set rarely share


@dataclass(frozen=True, slots=True)
class CopiesOfTraining:
    """Which photos of a catalog are copies of training photos."""

    is_exact: NDArray[np.bool_]  # whether the bytes are equal, shape [N]
    is_near: NDArray[np.bool_]  # whether the same picture is among them with other bytes, shape [N]


def copies_of_training(
    catalog: Catalog, pixels: Pixels, training: Catalog, training_pixels: Pixels
) -> CopiesOfTraining:
    """Find the photos of a catalog that are copies of training photos.

    Pairs of similar hashes are compared by their pixels. Where a training photo is
    no longer there, its hash alone decides.

    Args:
        catalog: The photos to judge.
        pixels: Their pixels.
        training: The catalog of the run; its part "train" counts.
        training_pixels: Its pixels; only those of candidates are read.

    Returns:
        Claims about each photo of the catalog; neither about one that could not be read.
    """
    known = {training.photos[i].sha256 for i in training.part("train")}
    is_exact = np.array([p.sha256 in known and not p.problem for p in catalog.photos], np.bool_)
    is_near = np.zeros(len(catalog.photos), np.bool_)
    own = _with_picture(catalog, catalog.usable[~is_exact[catalog.usable]])
    theirs = _with_picture(training, training.part("train"))
    if not len(own) or not len(theirs):
        return CopiesOfTraining(is_exact, is_near)
    pairs = _cross_pairs(catalog, own, training, theirs)
    limits = similarity_thresholds(catalog, own, lambda some: read_planes(pixels, some))
    least = np.array([limits[catalog.photos[i].label] for i in pairs.first], np.float32)
    if len(pairs.first):
        same = _same(pairs, least, pixels, training_pixels)
        is_near[pairs.first[same]] = True
    return CopiesOfTraining(is_exact, is_near)


def _same(
    pairs: HashPairs, least: NDArray[np.float32], pixels: Pixels, training_pixels: Pixels
) -> NDArray[np.bool_]:
    one = read_planes(pixels, pairs.first)
    other = mirror_images(read_planes(training_pixels, pairs.second), pairs.is_mirrored)
    is_gone = is_lost(training_pixels, pairs.second)
    by_hash = (pairs.distance <= _NEAR_CERTAIN) & (least < 1)
    return np.asarray(np.where(is_gone, by_hash, same_picture(one, other, least)))


def _cross_pairs(catalog: Catalog, own: IntArray, training: Catalog, theirs: IntArray) -> HashPairs:
    """Return pairs of a photo of the catalog and a training photo, by their catalog indices."""
    hashes = [int(catalog.photos[i].phash, 16) for i in own]
    hashes += [int(training.photos[i].phash, 16) for i in theirs]
    found = near_hashes(np.array(hashes, np.uint64))
    is_crossing = (found.first < len(own)) & (found.second >= len(own))
    first = own[found.first[is_crossing]]
    second = theirs[found.second[is_crossing] - len(own)]
    _, places, inverse = np.unique(second, return_index=True, return_inverse=True)
    # The rank of each training photo by its closest pair: pairs come the closest first.
    ranks = np.argsort(np.argsort(places))[inverse]
    kept = ranks < _MAX_DECODED
    return HashPairs(
        first[kept],
        second[kept],
        found.is_mirrored[is_crossing][kept],
        found.distance[is_crossing][kept],
    )


def _with_picture(catalog: Catalog, indices: IntArray) -> IntArray:
    """Return those that are not blank: the hash of a blank photo is chance."""
    contrasts = np.array([catalog.photos[i].contrast for i in indices], np.float64)
    return np.asarray(indices[contrasts >= BLANK_CONTRAST])
