"""Find copies of photos: by their bytes, and by what they show.

Two photos are copies when one was made from the other (or both from a third):
re-encoded, resized, mirrored, brightened, slightly cropped, or marked with a
text or a logo. They must not be on both sides of a split, and under different
labels one of the labels is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pawsight.data.catalog import Catalog
from pawsight.data.disjoint_sets import DisjointSets
from pawsight.data.duplicates.hash_search import HashPairs, near_hashes
from pawsight.data.duplicates.image_comparison import (
    Floats,
    coarser,
    correlation,
    luma,
    planes_of,
    same_picture,
)
from pawsight.data.duplicates.similarity_threshold import NEVER, similarity_thresholds
from pawsight.data.result_cache import cached_result
from pawsight.progress import SILENT, Progress
from pawsight.records import IntArray, Pixels

Groups = list[list[int]]

_VERSION = 2  # raised whenever the same photos begin to give other groups
BLANK_CONTRAST = 4.0  # standard deviation of the luma below which a hash is chance
_COARSE_SIDE = 16  # pixels of the images by which most pairs are ruled out
_COARSE = 0.6  # correlation; nearly all copies cropped by 5 % reach 0.7
_STRICT_COARSE = 0.97  # where only copies that were neither moved nor marked can be recognised
_SMALL_GROUP = 10  # photos; larger groups may come of chance likenesses
_PAIRS = 256  # compared at a time
_MAX_COMPARED = 2_000_000  # pairs compared in all, the closest first: some minutes
_AT_ONCE = 4096  # photos read at a time


def exact_copies(catalog: Catalog) -> Groups:
    """Group the usable photos whose files are equal byte by byte.

    Returns:
        Groups of two or more indices, each ascending, ordered by their first.
    """
    groups: dict[str, list[int]] = {}
    for index in catalog.usable.tolist():
        groups.setdefault(catalog.photos[index].sha256, []).append(index)
    return [group for group in groups.values() if len(group) > 1]


def find_duplicates(catalog: Catalog, pixels: Pixels, progress: Progress = SILENT) -> Groups:
    """Group the usable photos that show the same picture, exact copies included.

    Candidates are found by their difference hashes (`hash_search`) and compared
    (`same_picture`). Photos that are blank have no picture to compare: they
    are copies only where their bytes are equal. If A is a copy of B, and B of C,
    all three are one group.

    Args:
        catalog: The photos.
        pixels: Their pixels; only those of candidates are read.
        progress: Receives progress.

    Returns:
        Groups of two or more indices, each ascending, ordered by their first.
    """
    return cached_result(
        "near-copies", _VERSION, catalog, pixels, lambda: _search(catalog, pixels, progress)
    )


def _search(catalog: Catalog, pixels: Pixels, progress: Progress) -> Groups:
    exact = exact_copies(catalog)
    copies = {index for group in exact for index in group[1:]}
    singles = np.array([i for i in catalog.usable.tolist() if i not in copies], np.int64)
    is_blank = np.array([catalog.photos[i].contrast < BLANK_CONTRAST for i in singles], np.bool_)
    joined = DisjointSets(len(catalog.photos))
    for group in exact:
        joined.join_all(group)
    _join_alike(joined, catalog, singles[~is_blank], pixels, progress)
    return [group for group in joined.groups(catalog.usable.tolist()) if len(group) > 1]


def across_parts(catalog: Catalog, groups: Sequence[Sequence[int]]) -> Groups:
    """Return the groups whose members are in different parts.

    A copy of a training photo in the test part makes the score look better than it is.
    """
    return [
        list(group) for group in groups if len({catalog.photos[i].part for i in group} - {""}) > 1
    ]


def across_classes(catalog: Catalog, groups: Sequence[Sequence[int]]) -> Groups:
    """Return the groups whose members have different labels: one of them must be wrong."""
    return [
        list(group) for group in groups if len({catalog.photos[i].label for i in group} - {""}) > 1
    ]


def without_dominant_groups(catalog: Catalog, groups: Sequence[Sequence[int]]) -> Groups:
    """Return the groups without the large ones that hold more than half of a class.

    Likeness is judged pair by pair. Where most of a class is alike, such as one
    thing on one background, the chain of pairs has no meaning, and a class
    held together by it could not be divided. Groups of up to 10 photos stay.
    """

    def counted(indices: Iterable[int]) -> Counter[str]:
        # A photo without any label counts as one of a class "".
        return Counter(
            name for i in indices for name in catalog.names_of(catalog.photos[i]) or ("",)
        )

    total = counted(catalog.usable.tolist())
    return [
        list(group)
        for group in groups
        if len(group) <= _SMALL_GROUP
        or all(2 * count <= total[label] for label, count in counted(group).items())
    ]


def group_keys(
    catalog: Catalog, duplicates: Sequence[Sequence[int]], indices: IntArray
) -> list[str]:
    """Return for each photo a key that it shares with those that must stay in its fold."""
    of_duplicates = {
        index: f"duplicates {number}"
        for number, group in enumerate(without_dominant_groups(catalog, duplicates))
        for index in group
    }
    return [
        of_duplicates.get(i) or (f"group {group}" if (group := catalog.photos[i].group) else f"{i}")
        for i in indices.tolist()
    ]


def _join_alike(
    joined: DisjointSets, catalog: Catalog, indices: IntArray, pixels: Pixels, progress: Progress
) -> None:
    """Join photos with a picture that are copies."""
    hashes = np.array([int(catalog.photos[i].phash, 16) for i in indices], np.uint64)
    order = _similarity_order(catalog, indices, hashes)
    indices, hashes = indices[order], hashes[order]
    pairs = near_hashes(hashes)
    if len(pairs.first) == 0:
        return
    limits = similarity_thresholds(catalog, indices, lambda some: read_planes(pixels, some))
    limit = np.array([limits[catalog.photos[i].label] for i in indices.tolist()], np.float32)
    least = np.maximum(limit[pairs.first], limit[pairs.second])
    likely = _likely_pairs(pairs, least, indices, pixels, progress)[:_MAX_COMPARED]
    progress.start("Comparing likely copies", len(likely), "pairs")
    for start in range(0, len(likely), _PAIRS):
        chosen = likely[start : start + _PAIRS]
        one, other = indices[pairs.first[chosen]], indices[pairs.second[chosen]]
        # Where thousands are copies of one another, few pairs suffice; the others cost nothing.
        apart = np.array([joined.root(a) != joined.root(b) for a, b in _both(one, other)], np.bool_)
        chosen, one, other = chosen[apart], one[apart], other[apart]
        if len(chosen):
            mirror = mirror_images(read_planes(pixels, other), pairs.is_mirrored[chosen])
            same = same_picture(read_planes(pixels, one), mirror, least[chosen])
            for a, b in _both(one[same], other[same]):
                joined.join(a, b)
        progress.advance(len(apart))


def _similarity_order(catalog: Catalog, indices: IntArray, hashes: NDArray[np.uint64]) -> IntArray:
    """Return an order in which photos of one hash are next to those of the same brightness."""
    brightness = np.array([catalog.photos[i].brightness for i in indices])
    return np.lexsort((indices, brightness, hashes))


def _likely_pairs(
    pairs: HashPairs, least: Floats, indices: IntArray, pixels: Pixels, progress: Progress
) -> IntArray:
    """Return the numbers of the pairs that may be copies, judged by very small images."""
    possible = np.flatnonzero(least < NEVER)
    first, second = pairs.first[possible], pairs.second[possible]
    members, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    progress.start("Searching for copies", len(members), "photos")
    small = np.empty((len(members), _COARSE_SIDE, _COARSE_SIDE), np.uint8)
    done = 0
    for planes in _read(pixels, indices[members]):
        small[done : done + len(planes)] = np.rint(luma(coarser(planes, _COARSE_SIDE)))
        done += len(planes)
        progress.advance(len(planes))
    first, second = places[: len(possible)], places[len(possible) :]
    likely = [np.zeros(0, np.int64)]
    for start in range(0, len(possible), 64 * _PAIRS):
        block = slice(start, start + 64 * _PAIRS)
        chosen = possible[block]
        one, other = (small[place[block]].astype(np.float32) for place in (first, second))
        alike = correlation(one, mirror_images(other, pairs.is_mirrored[chosen]))
        likely.append(chosen[alike > np.where(least[chosen] < 1, _COARSE, _STRICT_COARSE)])
    return np.concatenate(likely)


def read_planes(pixels: Pixels, indices: IntArray) -> Floats:
    """Return the RGB planes of photos, in any order; each photo is read once."""
    members, places = np.unique(indices, return_inverse=True)
    return np.concatenate(list(_read(pixels, members)))[places]


def mirror_images(images: Floats, is_mirrored: NDArray[np.bool_]) -> Floats:
    """Return images of which some are mirrored; the last axis runs from left to right."""
    flags = is_mirrored.reshape(-1, *[1] * (images.ndim - 1))
    return np.where(flags, images[..., ::-1], images)


def _read(pixels: Pixels, indices: IntArray) -> Iterator[Floats]:
    """Yield the RGB planes of photos in order, as many at a time as do not fill the memory."""
    for start in range(0, len(indices), _AT_ONCE):
        yield planes_of(pixels.analysis(indices[start : start + _AT_ONCE]))


def _both(one: IntArray, other: IntArray) -> Iterator[tuple[int, int]]:
    return zip(one.tolist(), other.tolist(), strict=True)
