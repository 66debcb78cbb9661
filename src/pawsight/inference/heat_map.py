"""Which parts of a photo a class depends on: the drop of its probability when they are covered.

Source: Zeiler and Fergus, arXiv:1311.2901, section 4.2. It only runs the model,
so it works for every model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pawsight.errors import ConfigError
from pawsight.records import FloatArray, ImageArray

MOST_PATCHES = 32  # along a side: 1,024 runs of the model


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """How much the probability of a class depends on each part of a photo.

    Attributes:
        label: The class.
        values: Shape [rows, columns], 0..1: the drop of the probability when the
            patch is covered, as a share of the largest drop; 0 where covering it
            makes the model surer, and all 0 where no patch counts.
        probability: Of the class, with nothing covered.
        largest_drop: Of the probability, 0..1; 1 in `values` is this drop.
    """

    label: str
    values: FloatArray
    probability: float
    largest_drop: float


def heat_map(
    probs: Callable[[ImageArray], FloatArray],
    class_names: Sequence[str],
    pixels: ImageArray,
    label: str | None = None,
    grid: int = 8,
) -> HeatMap:
    """Compute how much the probability of a class drops when each patch of a photo is covered.

    Args:
        probs: Returns the probabilities of uint8 images: [N, H, W, 3] to [N, K].
        class_names: The name of each class, length K.
        pixels: uint8, shape [H, W, 3], as the model gets the photo.
        label: The class; None is the one with the highest probability.
        grid: Patches along each side, 1 to 32; never more than pixels.

    Raises:
        ConfigError: The model has no such class, or the grid is too fine.
        ShapeError: The pixels are not of the model's image size.
    """
    if label is not None and label not in class_names:
        known = ", ".join(class_names)
        raise ConfigError(f"The model has no class '{label}'. Its classes: {known}.")
    if not 1 <= grid <= MOST_PATCHES:
        raise ConfigError(f"A heat map has 1 to {MOST_PATCHES} patches along a side, not {grid}.")
    plain = probs(pixels[None])[0]
    index = int(plain.argmax()) if label is None else class_names.index(label)
    rows, columns = (_edges(side, grid) for side in pixels.shape[:2])
    # The photo's own mean colour, which carries less information than black or white.
    colour = pixels.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)
    drops = np.empty((len(rows) - 1, len(columns) - 1))
    for row, (top, bottom) in enumerate(pairwise(rows)):
        covered = np.repeat(pixels[None], len(columns) - 1, axis=0)  # few enough for any size
        for column, (left, right) in enumerate(pairwise(columns)):
            covered[column, top:bottom, left:right] = colour
        drops[row] = plain[index] - probs(covered)[:, index]
    drops = drops.clip(0)
    largest = float(drops.max())
    values = drops / largest if largest > 0 else drops
    return HeatMap(class_names[index], values, float(plain[index]), largest)


def _edges(side: int, grid: int) -> list[int]:
    return [round(edge) for edge in np.linspace(0, side, min(grid, side) + 1)]
