"""What audits and the search for duplicates compare, measured at one size for every network.

Each photo is resized to `ANALYSIS_SIZE` in the decode that ingest does anyway;
of that image its facts are measured (`photo_statistics`), and what is computed
here is kept: a small thumbnail, in which copies are recognised, five figures on how
the picture was made rather than what it shows, and its `traces`. So findings do not depend
on the image size or the resizing of the network that is trained.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pawsight.data.decoding import traces
from pawsight.data.decoding.channels import largest_difference, luma_of_planes, planes_of
from pawsight.records import AnalysisArray, ImageArray, IntArray

# (height, width) in pixels: that of the default network, for which it costs no second resizing.
ANALYSIS_SIZE = (160, 160)
THUMBNAIL_SIDE = 32  # pixels; finer images of two copies differ by JPEG's own traces
NUM_FIGURES = 5
ROW = np.dtype(
    [
        ("thumbnail", np.uint8, (THUMBNAIL_SIDE, THUMBNAIL_SIDE, 3)),
        ("figures", "<f4", (NUM_FIGURES,)),
        ("traces", traces.ROW),
    ]
)

_SAMPLES = 64  # pixels compared along each side
_EVEN = 2  # levels of 0..255 between neighbouring pixels that count as equal
_GENTLE = 24
_HARD = 80
_BLACK = 16  # luma; where a photo is that dark, evenness means nothing
_SHADES = 64


def analyse(images: ImageArray) -> AnalysisArray:
    """Compute what is kept of photos.

    Args:
        images: Shape [N, H, W, 3], of `ANALYSIS_SIZE` where they are to be compared with others.

    Returns:
        Rows of `ROW`, shape [N].
    """
    rows = np.empty(len(images), ROW)
    side = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    for row, image in zip(rows, images, strict=True):
        row["thumbnail"] = np.asarray(Image.fromarray(image).resize(side, Image.Resampling.BOX))
    rows["figures"] = describe(images)
    rows["traces"] = traces.trace(images)
    return rows


def describe(images: ImageArray) -> NDArray[np.float32]:
    """Measure how pictures were made, whatever they show.

    Args:
        images: Shape [N, H, W, 3].

    Returns:
        Shape [N, 5]: the share of pixels that are like their neighbours without
        being black, the share of gentle differences, the share of hard edges
        among all differences (each 0..1), the entropy of the luma (0..6 bits),
        and the share of its three commonest of 64 shades.
    """
    count, height, width, _ = images.shape
    down, across = (max(1, (side - 1) // _SAMPLES) for side in (height, width))
    here = planes_of(images[:, :-1:down, :-1:across])
    right = planes_of(images[:, :-1:down, 1::across][:, :, : here.shape[3]])
    below = planes_of(images[:, 1::down, :-1:across][:, : here.shape[2]])
    edges = np.maximum(largest_difference(here, right), largest_difference(here, below))
    edges, luma = edges.reshape(count, -1), luma_of_planes(here).reshape(count, -1)
    even = ((edges <= _EVEN) & (luma >= _BLACK)).mean(1)
    gentle = ((edges > _EVEN) & (edges <= _GENTLE)).mean(1)
    hard = (edges > _HARD).mean(1) / np.maximum((edges > _EVEN).mean(1), 0.02)
    shades = _shares((luma // (256 // _SHADES)).astype(np.int64))
    entropy = -(shades * np.log2(np.maximum(shades, 1e-9))).sum(1)
    commonest = np.sort(shades, axis=1)[:, -3:].sum(1)
    return np.stack([even, gentle, hard, entropy, commonest], 1).astype(np.float32)


def _shares(shades: IntArray) -> NDArray[np.float64]:
    """Count how often each shade occurs: shape [N, P] to [N, 64], each row sums to 1."""
    count, size = shades.shape
    codes = shades + np.arange(count)[:, None] * _SHADES
    counts = np.bincount(codes.ravel(), minlength=count * _SHADES).reshape(count, _SHADES)
    return np.asarray(counts / size)
