"""Find photos unlike the rest of their class: drawings, logos, text, cut-outs, collages.

Five figures describe how a picture was made rather than what it shows, such as the share
of perfectly even pixels, of gentle shading and of hard edges, and the number of shades. A
photo is an outlier if its figures are much farther from its nearest neighbours in the
class than is usual in the class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pawsight.data.catalog import Catalog
from pawsight.data.decoding.analysis import NUM_FIGURES, analysis_batches
from pawsight.data.result_cache import cached_result
from pawsight.progress import SILENT, Progress
from pawsight.records import IntArray, Pixels

Figures = NDArray[np.float32]

_VERSION = 2  # to be raised whenever the same photos give other scores

UNLIKE = 7.0  # score of an outlier; a usual photo of the class has 1
_NEIGHBOURS = 10  # the tenth nearest, so that a few copies of a logo do not make each other usual
_MIN_PHOTOS = 30  # of a class, to estimate what is usual in it
_COMPARED = 3000  # photos of a class that each photo is compared with, so that time grows linearly
_AT_ONCE = 1024  # photos compared at a time

# The minimal spread of each figure, since in a class of very similar photos the slightest
# difference would make an outlier, and the texts for photos with more and with less of it.
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
    figure: IntArray  # index of the figure that is farthest from usual, shape [N]
    is_more: NDArray[np.bool_]  # whether that figure is above the median of the class, shape [N]


@dataclass(frozen=True, slots=True)
class Outlier:
    """A photo unlike the rest of its class."""

    index: int  # of the photo, in the catalog
    score: float  # distance to its tenth nearest neighbour; a usual photo of the class has 1
    reason: str  # the most unusual property, for display


def find_outliers(catalog: Catalog, pixels: Pixels, progress: Progress = SILENT) -> list[Outlier]:
    """Find the photos unlike the rest of their class.

    Args:
        catalog: The photos; a class with fewer than 30 photos has no outliers.
        pixels: Their pixels.
        progress: Receives progress.

    Returns:
        Photos with a score above 7, the highest first.
    """
    outliers = cached_result(
        "unlike", _VERSION, catalog, pixels, lambda: _search(catalog, pixels, progress)
    )
    return [Outlier(*outlier) for outlier in outliers]


def _search(catalog: Catalog, pixels: Pixels, progress: Progress) -> list[tuple[int, float, str]]:
    indices = catalog.usable
    progress.start("Comparing photos with their class", len(indices), "photos")
    batches = [np.empty((0, NUM_FIGURES), np.float32)]
    for batch in analysis_batches(pixels, indices):
        batches.append(batch["figures"])
        progress.advance(len(batch))
    figures = np.concatenate(batches)
    outliers: list[tuple[int, float, str]] = []
    labels = np.array([catalog.photos[i].label for i in indices.tolist()], np.object_)
    _, numbers = np.unique(labels, return_inverse=True)
    order = np.argsort(numbers, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1):
        if len(members) < _MIN_PHOTOS:
            continue
        scores = _scores(figures[members])
        for row in np.flatnonzero(scores.score > UNLIKE):
            words = (_MORE if scores.is_more[row] else _LESS)[scores.figure[row]]
            index = int(indices[members[row]])
            outliers.append((index, round(float(scores.score[row]), 2), words))
    return sorted(outliers, key=lambda outlier: (-outlier[1], outlier[0]))


def _scores(figures: Figures) -> _OutlierScores:
    """Compute how unlike the others each photo of a class is."""
    low, median, high = np.quantile(figures, [0.16, 0.5, 0.84], axis=0).astype(np.float32)
    spread = np.maximum((high - low) / 2, _MIN_SCALES)  # a standard deviation if normal
    scaled = (figures - median) / spread
    # Every k-th photo, so that the same photos are compared on any machine.
    others = scaled[:: -(-len(scaled) // _COMPARED)]
    rank = min(_NEIGHBOURS, max(3, len(scaled) // 10))
    distance = np.concatenate(
        [
            _neighbour_distance(scaled[start : start + _AT_ONCE], others, rank)
            for start in range(0, len(scaled), _AT_ONCE)
        ]
    )
    farthest = np.abs(scaled).argmax(1)
    is_more = np.take_along_axis(scaled, farthest[:, None], 1)[:, 0] > 0
    score = (distance / max(float(np.median(distance)), 0.1)).astype(np.float32)
    return _OutlierScores(score, farthest, is_more)


def _neighbour_distance(photos: Figures, others: Figures, rank: int) -> Figures:
    """Compute the distance to the neighbour of a rank; the photo itself, at 0, has rank 0."""
    squares = (photos**2).sum(1)[:, None] + (others**2).sum(1) - 2 * photos @ others.T
    nearest = np.partition(squares, rank, axis=1)[:, rank]
    return np.asarray(np.sqrt(np.maximum(nearest, 0.0)), np.float32)
