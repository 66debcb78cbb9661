"""Measure statistics of photos on their luma, whose shorter side has 64 to 127 pixels.

All photos are first resized to `analysis.ANALYSIS_SIZE` and then shrunk by a whole
number, so that statistics of photos of any size can be compared. Many photos are measured
at once, which is several times faster than one by one. All sums are exact, so the results
do not depend on the machine, nor on which photos are measured together.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pawsight.data.decoding.file_origin import FileOrigin
from pawsight.records import ImageArray

SIDE = 64
_ROWS, _COLUMNS = 8, 9  # of the grid of a difference hash


class Statistics(NamedTuple):
    """Statistics of one photo."""

    # Difference hash, 16 hex digits: 8 rows of 8 bits. A bit is 1 where the right of two
    # neighbouring cells has the larger rounded mean.
    phash: str
    brightness: float  # mean luma, 0..255
    # Variance of the luma's Laplacian: small for a blurred photo, and 0 for a photo without a
    # pixel that has four neighbours.
    sharpness: float
    contrast: float  # standard deviation of the luma, 0 for a blank photo


class Facts(NamedTuple):
    """Facts of a decoded photo; `by_name` returns them by the field names of `records.Photo`."""

    format: str
    width: int
    height: int
    sha256: str
    phash: str
    brightness: float
    sharpness: float
    contrast: float
    flaw: str = ""
    samples: str = ""
    origin: FileOrigin = FileOrigin()

    def by_name(self) -> dict[str, Any]:
        """Return the facts as a dict whose keys are `FACT_NAMES`."""
        return dict(zip(FACT_NAMES, (*self[:-1], *self.origin), strict=True))


# The fields of `records.Photo` that decoding fills.
FACT_NAMES = (*Facts._fields[:-1], *FileOrigin._fields)


def luma_of(image: Image.Image) -> ImageArray:
    """Return the luma of an RGB image, shrunk as `measure` expects it, shape [h, w]."""
    luma = image.convert("L").reduce(max(1, min(image.size) // SIDE))
    return np.frombuffer(luma.tobytes(), np.uint8).reshape(luma.height, luma.width)


def measure(lumas: ImageArray) -> list[Statistics]:
    """Measure brightness, sharpness, contrast and hash of photos.

    Args:
        lumas: Lumas of the same size, as `luma_of` returns them, shape [N, h, w], 0..255.

    Returns:
        The statistics of each photo, in the same order.
    """
    _, height, width = lumas.shape
    area = height * width
    # Whole numbers below 2**24 are exact in float32, whatever the order of their sum.
    is_small = max(255 * area, 255**2 * width) < 2**24
    values: NDArray[np.floating[Any]] = lumas.astype(np.float32 if is_small else np.float64)
    sums = _cell_sums(values)
    totals = sums.sum(axis=(1, 2)) // (_ROWS * _COLUMNS)  # the cells cover each pixel in full
    squares = np.einsum("nij,nij->ni", values, values).astype(np.float64).sum(axis=1)
    means = (2 * sums + area) // (2 * area)
    bits = np.packbits(means[..., 1:] > means[..., :-1], axis=-1)
    return [
        Statistics(
            photo_bits.tobytes().hex(),
            round(total / area, 2),
            round(sharpness, 2),
            round(math.sqrt(area * int(square) - total**2) / area, 2),
        )
        for photo_bits, total, square, sharpness in zip(
            bits, totals.tolist(), squares.tolist(), _laplacian_variances(lumas), strict=True
        )
    ]


def _cell_sums(values: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """Sum pixels over the cells of a grid of 8 x 9, in units of 1 / 72 of a pixel.

    Args:
        values: Whole numbers, shape [N, h, w].

    Returns:
        Shape [N, 8, 9]; a cell covers h x w units.
    """
    _, height, width = values.shape
    down = _shares(height, _ROWS).T.astype(values.dtype)
    across = _shares(width, _COLUMNS).astype(values.dtype)
    return np.asarray(down @ values @ across).astype(np.int64)


@functools.lru_cache(maxsize=64)
def _shares(length: int, count: int) -> NDArray[np.float64]:
    """Compute the overlap of pixels with equal cells along a side, in units of 1 / count pixel.

    Args:
        length: Number of pixels.
        count: Number of cells.

    Returns:
        Whole numbers, shape [length, count]; each column sums to `length`.
    """
    pixels = np.arange(length)[:, None] * count
    cells = np.arange(count)[None, :] * length
    overlaps = np.minimum(pixels + count, cells + length) - np.maximum(pixels, cells)
    return overlaps.clip(0).astype(np.float64)


def _laplacian_variances(lumas: ImageArray) -> list[float]:
    """Compute the variance of each photo's Laplacian, over the pixels with four neighbours."""
    count, height, width = lumas.shape
    if height < 3 or width < 3:
        return [0.0] * count
    # One flat array, in which vertical neighbours are `width` apart, is several times faster than
    # three axes. The wrong values at the edges of each photo are then cut off.
    values = lumas.astype(np.int16).ravel()
    whole = np.zeros(values.size, np.int16)
    inner = whole[width:-width]
    np.multiply(values[width:-width], 4, out=inner)
    inner -= values[: -2 * width]
    inner -= values[2 * width :]
    inner -= values[width - 1 : -width - 1]
    inner -= values[width + 1 : values.size - width + 1]
    kept = whole.reshape(count, height, width)[:, 1:-1, 1:-1]
    size = kept[0].size
    squares = np.einsum("nij,nij->n", kept, kept, dtype=np.int64, casting="safe")
    return [
        square / size - (total / size) ** 2
        for total, square in zip(_border_sums(lumas).tolist(), squares.tolist(), strict=True)
    ]


def _border_sums(lumas: ImageArray) -> NDArray[np.int64]:
    """Sum the Laplacian of each photo, shape [N]: all but the differences at its border cancel."""
    rows = lumas[:, [0, 1, -2, -1], 1:-1].astype(np.int64).sum(axis=2)
    columns = lumas[:, 1:-1, [0, 1, -2, -1]].astype(np.int64).sum(axis=1)
    steps = rows + columns
    return np.asarray(steps[:, 1] - steps[:, 0] + steps[:, 2] - steps[:, 3])
