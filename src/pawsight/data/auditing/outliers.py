"""Photos unlike the rest of their class: drawings, logos, text, screenshots, cut-outs, collages.

Five figures describe how a picture was made rather than what it shows: how much of
it is perfectly even, how much gently shaded, how hard its edges are, and how
many shades it has. A photo whose figures are far from those of all others in
its class, measured by how far these are from each other, is unlike them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pawsight.data.catalog import Catalog
from pawsight.data.decoding.analysis import NUM_FIGURES
from pawsight.data.result_cache import cached_result
from pawsight.progress import SILENT, Progress
from pawsight.records import IntArray, Pixels

Figures = NDArray[np.float32]

_VERSION = 2  # raised whenever the same photos begin to give other scores

UNLIKE = 7.0  # times as far from its neighbours as photos of the class usually are
_NEIGHBOURS = 10  # the tenth nearest, so that a few copies of one logo do not make each other usual
_MIN_PHOTOS = 30  # photos of a class, to estimate what is usual in it
_COMPARED = 3000  # photos of a class that each is compared with, so that time grows linearly
_AT_ONCE = 1024  # photos read or compared at a time

# The least spread that counts for each figure, since in a class of very similar photos the
# slightest difference would be an outlier; and the text for photos with more or less of it.
_MIN_SCALES = np.array([0.05, 0.05, 0.02, 0.3, 0.03], np.float32)
_MORE = (
    "large perfectly even areas",
    "hardly anything but gentle shading",
    "hard edges",
    "shades of every brightness",
    "few shades",
)
_LESS = ("hardly any even area", "no gentle shading", "no hard edges", "few shades", "many shades")


@dataclass(frozen=True, slots=True)
class _OutlierScores:
    score: Figures  # shape [N]
    figure: IntArray  # the one that is farthest from usual, shape [N]
    is_more: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Outlier:
    """A photo unlike the rest of its class."""

    index: int  # of the photo, in the catalog
    score: float  # distance to its tenth nearest neighbour, 1 for a usual photo of the class
    reason: str  # what sets it apart, for display


def find_outliers(catalog: Catalog, pixels: Pixels, progress: Progress = SILENT) -> list[Outlier]:
    """Find the photos unlike the rest of their class; classes below 30 photos are not judged.

    Returns:
        Those whose score is above 7, the most unlike first.
    """
    outliers = cached_result(
        "unlike", _VERSION, catalog, pixels, lambda: _search(catalog, pixels, progress)
    )
    return [Outlier(*outlier) for outlier in outliers]


def _search(catalog: Catalog, pixels: Pixels, progress: Progress) -> list[tuple[int, float, str]]:
    indices = catalog.usable
    progress.start("Comparing photos with their class", len(indices), "photos")
    figures = np.empty((len(indices), NUM_FIGURES), np.float32)
    for start in range(0, len(indices), _AT_ONCE):
        block = slice(start, start + _AT_ONCE)
        figures[block] = pixels.analysis(indices[block])["figures"]
        progress.advance(len(figures[block]))
    outliers: list[tuple[int, float, str]] = []
    labels = np.array([catalog.photos[i].label for i in indices.tolist()], np.object_)
    _, numbers = np.unique(labels, return_inverse=True)
    order = np.argsort(numbers, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1):
        if len(members) < _MIN_PHOTOS:
            continue
        scored = _scores(figures[members])
        for place in np.flatnonzero(scored.score > UNLIKE):
            words = (_MORE if scored.is_more[place] else _LESS)[scored.figure[place]]
            index = int(indices[members[place]])
            outliers.append((index, round(float(scored.score[place]), 2), words))
    return sorted(outliers, key=lambda one: (-one[1], one[0]))


def _scores(figures: Figures) -> _OutlierScores:
    """Score how unlike the others each photo of a class is."""
    low, middle, high = np.quantile(figures, [0.16, 0.5, 0.84], axis=0).astype(np.float32)
    spread = np.maximum((high - low) / 2, _MIN_SCALES)  # one standard deviation, were they normal
    placed = (figures - middle) / spread
    # Every k-th one, so that the same photos are compared whatever the machine.
    others = placed[:: -(-len(placed) // _COMPARED)]
    neighbours = min(_NEIGHBOURS, max(3, len(placed) // 10))
    distance = np.concatenate(
        [
            _distance(placed[start : start + _AT_ONCE], others, neighbours)
            for start in range(0, len(placed), _AT_ONCE)
        ]
    )
    farthest = np.abs(placed).argmax(1)
    is_more = np.take_along_axis(placed, farthest[:, None], 1)[:, 0] > 0
    score = (distance / max(float(np.median(distance)), 0.1)).astype(np.float32)
    return _OutlierScores(score, farthest, is_more)


def _distance(some: Figures, others: Figures, neighbours: int) -> Figures:
    """Compute the distance to the neighbour of that rank; a photo's own 0 is rank 0."""
    squares = (some**2).sum(1)[:, None] + (others**2).sum(1) - 2 * some @ others.T
    nearest = np.partition(squares, neighbours, axis=1)[:, neighbours]
    return np.asarray(np.sqrt(np.maximum(nearest, 0.0)), np.float32)
