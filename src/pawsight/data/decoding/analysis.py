"""Compute what audits and the search for duplicates compare, at the same size for every network.

Ingest resizes each photo to `ANALYSIS_SIZE` and measures its statistics on that image
(`photo_statistics`). From the same image, the functions here compute a small thumbnail, in
which copies are recognised, five figures on how the picture was made rather than what it
shows, and its `traces`. So findings do not depend on the image size or the resizing of the
network that is trained.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pawsight.data.decoding import traces
from pawsight.data.decoding.channels import largest_difference, luma_of_planes, planes_of
from pawsight.records import AnalysisArray, ImageArray, IntArray, Pixels

# (height, width) in pixels: the size of the default network, which then needs no second resizing.
ANALYSIS_SIZE = (160, 160)
THUMBNAIL_SIDE = 32  # pixels; larger images of two copies differ by artefacts of JPEG
NUM_FIGURES = 5
ROW = np.dtype(
    [
        ("thumbnail", np.uint8, (THUMBNAIL_SIDE, THUMBNAIL_SIDE, 3)),
        ("figures", "<f4", (NUM_FIGURES,)),
        ("traces", traces.ROW),
    ]
)

_AT_ONCE = 1024  # photos whose analysis is read at a time
_SAMPLES = 64  # pixels compared along each side
# Levels of 0..255 between neighbouring pixels:
_EVEN = 2  # at most, counts as equal
_GENTLE = 24  # at most, counts as a gentle difference
_HARD = 80  # more counts as a hard edge
_BLACK = 16  # luma; darker pixels are alike in any photo
_SHADES = 64


def analyse(images: ImageArray) -> AnalysisArray:
    """Compute the stored analysis of photos.

    Args:
        images: Shape [N, H, W, 3], 0..255; of `ANALYSIS_SIZE` if they are compared with others.

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


def analysis_batches(pixels: Pixels, indices: IntArray) -> Iterator[AnalysisArray]:
    """Yield the analyses of photos in order, at most 1024 at a time.

    Args:
        pixels: The photos.
        indices: Catalog indices, shape [N].
    """
    for start in range(0, len(indices), _AT_ONCE):
        yield pixels.analysis(indices[start : start + _AT_ONCE])


def describe(images: ImageArray) -> NDArray[np.float32]:
    """Measure how photos were made, independently of what they show.

    Args:
        images: Shape [N, H, W, 3], 0..255.

    Returns:
        Shape [N, 5]: the share of pixels that equal their neighbours and are not
        black, the share of gentle differences, the share of hard edges among all
        differences, the entropy of the luma in 64 shades (0..6 bits), and the share of
        pixels in the three most frequent shades. Shares are 0..1.
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
    """Compute the share of pixels of each shade: shape [N, P] to [N, 64], each row sums to 1."""
    count, size = shades.shape
    codes = shades + np.arange(count)[:, None] * _SHADES
    counts = np.bincount(codes.ravel(), minlength=count * _SHADES).reshape(count, _SHADES)
    return np.asarray(counts / size)
