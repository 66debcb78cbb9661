"""What a photo looks like in a few numbers, measured on its luma at 64 to 127 pixels.

The photos of one catalog come at one working size and are shrunk by one whole
number until their shorter side has 64 to 127 pixels, so they compare, whatever
their own size was. The sums are exact, so every machine finds the same figures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 64


@dataclass(frozen=True, slots=True)
class Facts:
    """What decoding tells of a photo; the fields are those of `records.Photo`."""

    format: str
    width: int
    height: int
    sha256: str
    phash: str
    brightness: float
    sharpness: float
    contrast: float
    flaw: str = ""


def measure(image: Image.Image) -> tuple[str, float, float, float]:
    """Measure how a photo looks.

    Args:
        image: An RGB image of any size.

    Returns:
        The difference hash (8 rows of 8 bits, a bit is 1 where the right one of
        two neighbours is brighter; 16 hex digits), the mean luma 0..255, the
        variance of the luma's Laplacian, which is small for a blurred photo and
        0 where there is no pixel with four neighbours, and the standard
        deviation of the luma, which is 0 for a blank photo.
    """
    luma = image.convert("L").reduce(max(1, min(image.size) // SIDE))
    nine = luma.resize((9, 8), Image.Resampling.BOX)
    grid = np.frombuffer(nine.tobytes(), np.uint8).reshape(8, 9)
    phash = np.packbits(grid[:, 1:] > grid[:, :-1]).tobytes().hex()
    flat = np.frombuffer(luma.tobytes(), np.uint8)
    total = int(flat.sum(dtype=np.int64))
    squares = int(np.square(flat, dtype=np.int64).sum())
    contrast = math.sqrt(flat.size * squares - total**2) / flat.size
    sharpness = _laplacian_variance(flat, luma.width)
    return phash, round(total / flat.size, 2), round(sharpness, 2), round(contrast, 2)


def _laplacian_variance(luma: NDArray[np.uint8], width: int) -> float:
    if width < 3 or luma.size < 3 * width:
        return 0.0
    # On the flat array, where neighbours above and below are `width` apart: several times
    # faster than on two axes. The columns at both edges have no neighbour and are cut off.
    values = luma.astype(np.int16)
    whole = 4 * values[width:-width] - values[: -2 * width] - values[2 * width :]
    whole -= values[width - 1 : -width - 1]
    whole -= values[width + 1 : values.size - width + 1]
    inner = whole.reshape(-1, width)[:, 1:-1].astype(np.float64).ravel()
    # All sums are whole and below 2**53, so they are exact in whatever order they are added.
    return float(inner @ inner) / inner.size - (float(inner.sum()) / inner.size) ** 2
