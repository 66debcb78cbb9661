"""Statistics of a photo, measured on its luma at 64 to 127 pixels.

All photos come at one size (`analysis.ANALYSIS_SIZE`) and are shrunk by one whole
number until their shorter side has 64 to 127 pixels, so they compare, whatever
their own size was. Many are measured at once, which costs a fraction of one by
one. All sums are exact, so every machine finds the same figures, whichever
photos are measured together.
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

    # Difference hash, 16 hex digits: 8 rows of 8 bits, a bit is 1 where the right one of two
    # neighbours is brighter by their rounded means.
    phash: str
    brightness: float  # mean luma, 0..255
    # Variance of the luma's Laplacian, which is small for a blurred photo and 0 where there is no
    # pixel with four neighbours.
    sharpness: float
    contrast: float  # standard deviation of the luma, 0 for a blank photo


class Facts(NamedTuple):
    """What is known of a decoded photo; `by_name` gives them as `records.Photo` has them."""

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
        """Return the facts by `FACT_NAMES`."""
        return dict(zip(FACT_NAMES, (*self[:-1], *self.origin), strict=True))


# The fields of `records.Photo` that decoding fills.
FACT_NAMES = (*Facts._fields[:-1], *FileOrigin._fields)


def luma_of(image: Image.Image) -> ImageArray:
    """Return the luma of an RGB image of any size at the size `measure` takes, shape [h, w]."""
    luma = image.convert("L").reduce(max(1, min(image.size) // SIDE))
    return np.frombuffer(luma.tobytes(), np.uint8).reshape(luma.height, luma.width)


def measure(lumas: ImageArray) -> list[Statistics]:
    """Measure brightness, sharpness, contrast and hash of photos.

    Args:
        lumas: Lumas of one size, as `luma_of` gives them, shape [N, h, w].
    """
    _, height, width = lumas.shape
    area = height * width
    # Whole numbers below 2**24 are exact in float32, whatever the order of their sum.
    is_small = max(255 * area, 255**2 * width) < 2**24
    values: NDArray[np.floating[Any]] = lumas.astype(np.float32 if is_small else np.float64)
    sums = _cell_sums(values)
    totals = sums.sum(axis=(1, 2)) // (_ROWS * _COLUMNS)  # each pixel has all its shares in them
    squares = np.einsum("nij,nij->ni", values, values).astype(np.float64).sum(axis=1)
    means = (2 * sums + area) // (2 * area)
    bits = np.packbits(means[..., 1:] > means[..., :-1], axis=-1)
    return [
        Statistics(
            one.tobytes().hex(),
            round(total / area, 2),
            round(sharpness, 2),
            round(math.sqrt(area * int(square) - total**2) / area, 2),
        )
        for one, total, square, sharpness in zip(
            bits, totals.tolist(), squares.tolist(), _laplacian_variances(lumas), strict=True
        )
    ]


def _cell_sums(values: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """Sum pixels over the cells of a grid of 8 x 9, counted in shares of a pixel of 1 / 72.

    Args:
        values: Whole numbers, shape [N, h, w].

    Returns:
        Shape [N, 8, 9]; a cell has h x w shares in all.
    """
    _, height, width = values.shape
    down = _shares(height, _ROWS).T.astype(values.dtype)
    across = _shares(width, _COLUMNS).astype(values.dtype)
    return np.asarray(down @ values @ across).astype(np.int64)


@functools.lru_cache(maxsize=64)
def _shares(length: int, count: int) -> NDArray[np.float64]:
    """Return the overlap of each pixel with each of `count` equal cells, in 1 / count of a pixel.

    Returns:
        Whole numbers, shape [length, count]; each column sums to `length`.
    """
    pixels = np.arange(length)[:, None] * count
    cells = np.arange(count)[None, :] * length
    shared = np.minimum(pixels + count, cells + length) - np.maximum(pixels, cells)
    return shared.clip(0).astype(np.float64)


def _laplacian_variances(lumas: ImageArray) -> list[float]:
    count, height, width = lumas.shape
    if height < 3 or width < 3:
        return [0.0] * count
    # On one flat array, where neighbours above and below are `width` apart: several times
    # faster than on three axes. What is wrong at the edges of each photo is cut off.
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
    """Sum the Laplacian, shape [N]: all but the steps across the border cancels out."""
    rows = lumas[:, [0, 1, -2, -1], 1:-1].astype(np.int64).sum(axis=2)
    columns = lumas[:, 1:-1, [0, 1, -2, -1]].astype(np.int64).sum(axis=1)
    steps = rows + columns
    return np.asarray(steps[:, 1] - steps[:, 0] + steps[:, 2] - steps[:, 3])
