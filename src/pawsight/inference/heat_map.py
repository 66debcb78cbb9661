"""What a model looked at: how much surer it is of a class with each patch than without it.

Each patch of the photo is covered in turn, and the drop of the class's
probability is its heat. Source: Zeiler and Fergus, arXiv:1311.2901, section 4.2.
It asks the model alone, so it works for every model there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pawsight.errors import ConfigError
from pawsight.records import FloatArray, ImageArray

if TYPE_CHECKING:
    from pawsight.inference.classifier import Classifier

MOST_PATCHES = 32  # along a side; 1,024 looks at the photo


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """Where a photo speaks for a class.

    Attributes:
        label: The class.
        values: Shape [rows, columns], 0..1: the drop of the probability when the
            patch is covered, as a share of the largest drop; 0 where covering it
            makes the model surer, and all 0 where no patch counts.
        probability: Of the class, with nothing covered.
        largest_drop: Of the probability, 0..1; what 1 in `values` stands for.
    """

    label: str
    values: FloatArray
    probability: float
    largest_drop: float


def heat_map(
    classifier: Classifier, pixels: ImageArray, label: str | None = None, grid: int = 8
) -> HeatMap:
    """Cover each patch of a photo, and see what that does to the probability of a class.

    Args:
        classifier: The model.
        pixels: uint8, shape [H, W, 3], as the model sees the photo.
        label: The class; None is the one the model answers.
        grid: Patches along each side, 1 to 32; never more than pixels.

    Raises:
        ConfigError: The model has no such class, or the grid is too fine.
        ShapeError: The pixels are not of the model's image size.
    """
    if label is not None and label not in classifier.class_names:
        known = ", ".join(classifier.class_names)
        raise ConfigError(f"The model has no class '{label}'. It knows: {known}.")
    if not 1 <= grid <= MOST_PATCHES:
        raise ConfigError(f"A heat map has 1 to {MOST_PATCHES} patches along a side, not {grid}.")
    plain = classifier.probs(pixels[None])[0]
    index = int(plain.argmax()) if label is None else classifier.class_names.index(label)
    rows, columns = (_edges(side, grid) for side in pixels.shape[:2])
    # The photo's own mean colour, which is nowhere as telling as black or white.
    colour = pixels.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)
    drops = np.empty((len(rows) - 1, len(columns) - 1))
    for row, (top, bottom) in enumerate(pairwise(rows)):
        covered = np.repeat(pixels[None], len(columns) - 1, axis=0)  # few enough for any size
        for column, (left, right) in enumerate(pairwise(columns)):
            covered[column, top:bottom, left:right] = colour
        drops[row] = plain[index] - classifier.probs(covered)[:, index]
    drops = drops.clip(0)
    largest = float(drops.max())
    values = drops / largest if largest > 0 else drops
    return HeatMap(classifier.class_names[index], values, float(plain[index]), largest)


def _edges(side: int, grid: int) -> list[int]:
    return [round(edge) for edge in np.linspace(0, side, min(grid, side) + 1)]
