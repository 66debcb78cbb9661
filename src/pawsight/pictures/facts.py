"""What a photo looks like in a few numbers, measured on its luma at 96 x 96 pixels.

A fixed size makes photos comparable, whatever their own size. The sums are
exact, so every machine finds the same figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 96


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


def measure(image: Image.Image) -> tuple[str, float, float]:
    """Measure how a photo looks.

    Args:
        image: An RGB image of any size.

    Returns:
        The difference hash (8 rows of 8 bits, a bit is 1 where the right one of
        two neighbours is brighter; 16 hex digits), the mean luma 0..255, and
        the variance of the luma's Laplacian, which is small for a blurred photo.
    """
    small = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    nine = small.resize((9, 8), Image.Resampling.BOX)
    grid = np.frombuffer(nine.tobytes(), np.uint8).reshape(8, 9)
    phash = np.packbits(grid[:, 1:] > grid[:, :-1]).tobytes().hex()
    luma = np.frombuffer(small.tobytes(), np.uint8)
    brightness = int(luma.sum(dtype=np.int64)) / luma.size
    return phash, round(brightness, 2), round(_laplacian_variance(luma.astype(np.int16)), 2)


def _laplacian_variance(luma: NDArray[np.int16]) -> float:
    # On the flat array, where neighbours above and below are SIDE apart: several times
    # faster than on two axes. The columns at both edges have no neighbour and are cut off.
    whole = 4 * luma[SIDE:-SIDE] - luma[: -2 * SIDE] - luma[2 * SIDE :]
    whole -= luma[SIDE - 1 : -SIDE - 1]
    whole -= luma[SIDE + 1 : luma.size - SIDE + 1]
    inner = whole.reshape(SIDE - 2, SIDE)[:, 1:-1].astype(np.float64).ravel()
    # All sums stay below 2**53, so they are exact in whatever order they are added.
    return float(inner @ inner) / inner.size - (float(inner.sum()) / inner.size) ** 2
