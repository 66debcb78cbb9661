"""Photos unlike the rest of their class: drawings, logos, text, screenshots, cut-outs, collages.

Five figures tell how a picture was made rather than what it shows: how much of
it is perfectly even, how much gently shaded, how hard its edges are, and how
many shades it has. A photo whose figures lie far from those of all others in
its class, measured by how far these lie from each other, is unlike them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pawsight.data.catalog import Catalog
from pawsight.data.result_cache import remembered
from pawsight.progress import Progress, Silent
from pawsight.records import ImageArray, IntArray, Pixels

Figures = NDArray[np.float32]

_SILENT = Silent()
_VERSION = 1  # raised whenever the same photos begin to give other scores

UNLIKE = 7.0  # times as far from its neighbours as photos of the class usually are
_NEIGHBOURS = 10  # the tenth nearest, so that a few copies of one logo do not vouch for each other
_FEWEST = 30  # photos of a class that can say what is usual in it
_COMPARED = 3000  # photos of a class that each is compared with, so that time grows linearly
_SAMPLES = 64  # pixels looked at along each side
_READ_BYTES = 32 * 2**20  # of pixels at a time
_BLOCK = 1024  # photos compared at a time

_EVEN = 2  # levels of 0..255 between neighbouring pixels that look alike
_GENTLE = 24
_HARD = 80
_BLACK = 16  # luma; where a photo is that dark, evenness says nothing
_SHADES = 64

# The least spread that counts for each figure, lest a class of very similar photos finds fault
# with the slightest difference; and what is said of photos with more or less of it.
_LEAST = np.array([0.05, 0.05, 0.02, 0.3, 0.03], np.float32)
_MORE = (
    "large perfectly even areas",
    "hardly anything but gentle shading",
    "hard edges",
    "shades of every brightness",
    "few shades",
)
_LESS = ("hardly any even area", "no gentle shading", "no hard edges", "few shades", "many shades")


@dataclass(frozen=True, slots=True)
class _Scored:
    score: Figures  # shape [N]
    figure: IntArray  # the one that is farthest from usual, shape [N]
    is_more: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Outlier:
    """A photo unlike the rest of its class.

    Attributes:
        index: Of the photo, in the catalog.
        score: Distance to its tenth nearest neighbour, 1 for a usual photo of the class.
        reason: What sets it apart, for people.
    """

    index: int
    score: float
    reason: str


def find_outliers(catalog: Catalog, pixels: Pixels, progress: Progress = _SILENT) -> list[Outlier]:
    """Find the photos unlike the rest of their class; classes below 30 photos are not judged.

    Returns:
        Those whose score is above 7, the most unlike first.
    """
    found = remembered(
        "unlike", _VERSION, catalog, pixels, lambda: _search(catalog, pixels, progress)
    )
    return [Outlier(*one) for one in found]


def _search(catalog: Catalog, pixels: Pixels, progress: Progress) -> list[tuple[int, float, str]]:
    indices = catalog.usable
    progress.start("Comparing photos with their class", len(indices), "photos")
    figures = np.empty((len(indices), len(_LEAST)), np.float32)
    height, width = pixels.image_size
    at_once = max(1, _READ_BYTES // (height * width * 3))
    for start in range(0, len(indices), at_once):
        images = pixels.read(indices[start : start + at_once])
        figures[start : start + at_once] = describe(images)
        progress.advance(len(images))
    found: list[tuple[int, float, str]] = []
    labels = np.array([catalog.photos[i].label for i in indices.tolist()], np.object_)
    _, numbers = np.unique(labels, return_inverse=True)
    order = np.argsort(numbers, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1):
        if len(members) < _FEWEST:
            continue
        scored = _scores(figures[members])
        for place in np.flatnonzero(scored.score > UNLIKE):
            words = (_MORE if scored.is_more[place] else _LESS)[scored.figure[place]]
            index = int(indices[members[place]])
            found.append((index, round(float(scored.score[place]), 2), words))
    return sorted(found, key=lambda one: (-one[1], one[0]))


def describe(images: ImageArray) -> Figures:
    """Measure how pictures were made.

    Args:
        images: Shape [N, H, W, 3].

    Returns:
        Shape [N, 5]: the share of pixels that are like their neighbours without
        being black, the share of gentle differences, the share of hard edges
        among all differences (each 0..1), the entropy of the luma (0..6 bits),
        and the share of its three commonest of 64 shades.
    """
    count, height, width, _ = images.shape
    step = max(1, (height - 1) // _SAMPLES), max(1, (width - 1) // _SAMPLES)
    here = images[:, : -1 : step[0], : -1 : step[1]]
    right = images[:, : -1 : step[0], 1 :: step[1]][:, :, : here.shape[2]]
    below = images[:, 1 :: step[0], : -1 : step[1]][:, : here.shape[1]]
    edges = np.maximum(_difference(here, right), _difference(here, below)).reshape(count, -1)
    red, green, blue = (here[..., channel].astype(np.uint16) for channel in range(3))
    luma = ((77 * red + 150 * green + 29 * blue) >> 8).reshape(count, -1)
    even = ((edges <= _EVEN) & (luma >= _BLACK)).mean(1)
    gentle = ((edges > _EVEN) & (edges <= _GENTLE)).mean(1)
    hard = (edges > _HARD).mean(1) / np.maximum((edges > _EVEN).mean(1), 0.02)
    shades = _shares((luma // (256 // _SHADES)).astype(np.int64))
    entropy = -(shades * np.log2(np.maximum(shades, 1e-9))).sum(1)
    commonest = np.sort(shades, axis=1)[:, -3:].sum(1)
    return np.stack([even, gentle, hard, entropy, commonest], 1).astype(np.float32)


def _difference(one: ImageArray, other: ImageArray) -> ImageArray:
    """The largest difference of the three channels: shape [N, h, w, 3] to [N, h, w]."""
    apart = np.maximum(one, other) - np.minimum(one, other)
    return np.asarray(np.maximum(np.maximum(apart[..., 0], apart[..., 1]), apart[..., 2]))


def _shares(shades: IntArray) -> NDArray[np.float64]:
    """How often each shade occurs: shape [N, P] to [N, 64], each row sums to 1."""
    count, size = shades.shape
    codes = shades + np.arange(count)[:, None] * _SHADES
    counts = np.bincount(codes.ravel(), minlength=count * _SHADES).reshape(count, _SHADES)
    return np.asarray(counts / size)


def _scores(figures: Figures) -> _Scored:
    """Say how unlike the others each photo of a class is."""
    low, middle, high = np.quantile(figures, [0.16, 0.5, 0.84], axis=0).astype(np.float32)
    spread = np.maximum((high - low) / 2, _LEAST)  # one standard deviation, were they normal
    placed = (figures - middle) / spread
    # Every k-th one, so that the same photos are compared whatever the machine.
    others = placed[:: -(-len(placed) // _COMPARED)]
    neighbours = min(_NEIGHBOURS, max(3, len(placed) // 10))
    distance = np.concatenate(
        [
            _distance(placed[start : start + _BLOCK], others, neighbours)
            for start in range(0, len(placed), _BLOCK)
        ]
    )
    farthest = np.abs(placed).argmax(1)
    is_more = np.take_along_axis(placed, farthest[:, None], 1)[:, 0] > 0
    score = (distance / max(float(np.median(distance)), 0.1)).astype(np.float32)
    return _Scored(score, farthest, is_more)


def _distance(some: Figures, others: Figures, neighbours: int) -> Figures:
    """The distance to the nearest neighbour of that rank; a photo's own 0 counts as one more."""
    squares = (some**2).sum(1)[:, None] + (others**2).sum(1) - 2 * some @ others.T
    nearest = np.partition(squares, neighbours, axis=1)[:, neighbours]
    return np.asarray(np.sqrt(np.maximum(nearest, 0.0)), np.float32)
