"""Find copies of photos: by their bytes, and by the picture they show.

Two photos are copies if one was made from the other (or both from a third one):
re-encoded, resized, mirrored, brightened, slightly cropped, or marked with a
text or a logo. Copies must be in the same part of a split. If they have different
labels, one of the labels is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from pawsight.data.catalog import Catalog
from pawsight.data.decoding.analysis import analysis_batches
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

_VERSION = 2  # to be raised whenever the same photos give other groups
BLANK_CONTRAST = 4.0  # standard deviation of the luma; below, a hash is random
_COARSE_SIDE = 16  # pixels of the images by which most pairs are ruled out
_MIN_COARSE = 0.6  # correlation of these images; nearly all copies cropped by 5 % reach 0.7
_MIN_STRICT_COARSE = 0.97  # for classes in which moved or marked copies cannot be recognised
_SMALL_GROUP = 10  # photos; larger groups may be due to chance similarities
_PAIRS = 256  # compared at a time
_MAX_COMPARED = 2_000_000  # pairs in all, the closest first: some minutes


def exact_copies(catalog: Catalog) -> Groups:
    """Group the usable photos whose files are equal byte by byte.

    Returns:
        Groups of two or more catalog indices, each ascending, ordered by their first index.
    """
    groups: dict[str, list[int]] = {}
    for index in catalog.usable.tolist():
        groups.setdefault(catalog.photos[index].sha256, []).append(index)
    return [group for group in groups.values() if len(group) > 1]


def find_duplicates(catalog: Catalog, pixels: Pixels, progress: Progress = SILENT) -> Groups:
    """Group the usable photos that show the same picture, exact copies included.

    Candidates are found by their difference hashes (`hash_search`) and compared
    (`same_picture`). Blank photos are copies only if their bytes are equal. If A is a
    copy of B, and B of C, all three are in one group.

    Args:
        catalog: The photos.
        pixels: Their pixels; only candidates are read.
        progress: Receives progress.

    Returns:
        Groups of two or more catalog indices, each ascending, ordered by their first index.
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
    _join_copies(joined, catalog, singles[~is_blank], pixels, progress)
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
    """Return the groups, except large groups with more than half of the photos of a class.

    Photos are compared in pairs. If most photos of a class are alike, such as the same
    object on the same background, chains of pairs join photos that are no copies, and the
    class could not be divided. Groups of up to 10 photos are always returned.
    """

    def count_by_class(indices: Iterable[int]) -> Counter[str]:
        # A photo without a label counts for the class "".
        return Counter(
            name for i in indices for name in catalog.names_of(catalog.photos[i]) or ("",)
        )

    total = count_by_class(catalog.usable.tolist())
    return [
        list(group)
        for group in groups
        if len(group) <= _SMALL_GROUP
        or all(2 * count <= total[label] for label, count in count_by_class(group).items())
    ]


def group_keys(
    catalog: Catalog, duplicates: Sequence[Sequence[int]], indices: IntArray
) -> list[str]:
    """Return a key of each photo; photos with equal keys must be in the same fold.

    Args:
        catalog: The photos.
        duplicates: Groups of copies, as `find_duplicates` returns them.
        indices: Catalog indices, shape [N].
    """
    duplicate_keys = {
        index: f"duplicates {number}"
        for number, group in enumerate(without_dominant_groups(catalog, duplicates))
        for index in group
    }
    return [
        duplicate_keys.get(i)
        or (f"group {group}" if (group := catalog.photos[i].group) else f"{i}")
        for i in indices.tolist()
    ]


def _join_copies(
    joined: DisjointSets, catalog: Catalog, indices: IntArray, pixels: Pixels, progress: Progress
) -> None:
    """Join the photos among `indices` that are copies of each other."""
    hashes = np.array([int(catalog.photos[i].phash, 16) for i in indices], np.uint64)
    # Sorted by brightness within a hash: where hundreds of photos share a hash, each is only
    # compared with those next to it.
    brightness = np.array([catalog.photos[i].brightness for i in indices])
    order = np.lexsort((indices, brightness, hashes))
    indices, hashes = indices[order], hashes[order]
    pairs = near_hashes(hashes)
    if len(pairs.first) == 0:
        return
    by_label = similarity_thresholds(catalog, indices, lambda chosen: read_planes(pixels, chosen))
    by_photo = np.array([by_label[catalog.photos[i].label] for i in indices.tolist()], np.float32)
    thresholds = np.maximum(by_photo[pairs.first], by_photo[pairs.second])
    likely = _likely_pairs(pairs, thresholds, indices, pixels, progress)[:_MAX_COMPARED]
    progress.start("Comparing likely copies", len(likely), "pairs")
    for start in range(0, len(likely), _PAIRS):
        chosen = likely[start : start + _PAIRS]
        first, second = indices[pairs.first[chosen]], indices[pairs.second[chosen]]
        # Pairs that are joined already are skipped: of thousands of copies, few are compared.
        roots = np.array([[joined.root(i) for i in each.tolist()] for each in (first, second)])
        is_apart = roots[0] != roots[1]
        chosen, first, second = chosen[is_apart], first[is_apart], second[is_apart]
        if len(chosen):
            mirrored = mirror_images(read_planes(pixels, second), pairs.is_mirrored[chosen])
            same = same_picture(read_planes(pixels, first), mirrored, thresholds[chosen])
            for a, b in zip(first[same].tolist(), second[same].tolist(), strict=True):
                joined.join(a, b)
        progress.advance(len(is_apart))


def _likely_pairs(
    pairs: HashPairs, thresholds: Floats, indices: IntArray, pixels: Pixels, progress: Progress
) -> IntArray:
    """Return the numbers of the pairs that may be copies, judged by very small images."""
    possible = np.flatnonzero(thresholds < NEVER)
    members, positions = np.unique(
        np.stack([pairs.first[possible], pairs.second[possible]]), return_inverse=True
    )
    progress.start("Searching for copies", len(members), "photos")
    small = np.empty((len(members), _COARSE_SIDE, _COARSE_SIDE), np.uint8)
    done = 0
    for batch in analysis_batches(pixels, indices[members]):
        small[done : done + len(batch)] = np.rint(luma(coarser(planes_of(batch), _COARSE_SIDE)))
        done += len(batch)
        progress.advance(len(batch))
    likely = [np.zeros(0, np.int64)]
    for start in range(0, len(possible), 64 * _PAIRS):
        block = slice(start, start + 64 * _PAIRS)
        chosen = possible[block]
        first, second = small[positions[:, block]].astype(np.float32)
        similarity = correlation(first, mirror_images(second, pairs.is_mirrored[chosen]))
        minimum = np.where(thresholds[chosen] < 1, _MIN_COARSE, _MIN_STRICT_COARSE)
        likely.append(chosen[similarity > minimum])
    return np.concatenate(likely)


def read_planes(pixels: Pixels, indices: IntArray) -> Floats:
    """Return the RGB planes of photos, shape [N, 3, 32, 32]; each photo is read once.

    Args:
        pixels: The photos.
        indices: At least one catalog index, in any order, shape [N].
    """
    members, positions = np.unique(indices, return_inverse=True)
    return np.concatenate([planes_of(batch) for batch in analysis_batches(pixels, members)])[
        positions
    ]


def mirror_images(images: Floats, is_mirrored: NDArray[np.bool_]) -> Floats:
    """Mirror some images from left to right, along the last axis.

    Args:
        images: Shape [N, ..., W].
        is_mirrored: Which images to mirror, shape [N].
    """
    flags = is_mirrored.reshape(-1, *[1] * (images.ndim - 1))
    return np.where(flags, images[..., ::-1], images)
