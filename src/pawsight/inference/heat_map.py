"""Which parts of a photo a class depends on: the drop of its log-odds when they are covered.

Source: Zeiler and Fergus, arXiv:1311.2901, section 4.2. It only runs the model, so it works for
every model. A patch has no edge, since a network that was trained from scratch takes an edge for
something on the photo, and log-odds take the place of probabilities, which hardly change where a
model is sure: benchmarks/heat_maps has what both gain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pawsight.errors import ConfigError
from pawsight.records import FloatArray, ImageArray

MAX_PATCHES = 32  # along a side: 1,024 runs of the model

_DEVIATION = 1.3  # of the normal distribution that a patch fades out with, in cells of the grid
_MIN_PROBABILITY = 1e-12  # and the most is 1 less this: log-odds stay finite


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """How much the probability of a class depends on each part of a photo."""

    label: str
    # Shape [rows, columns], 0..1: the drop of the log-odds when a patch around the cell is covered,
    # as a share of the largest drop; 0 where covering it makes the model surer, and all 0 where no
    # patch counts.
    values: FloatArray
    probability: float  # of the class, with nothing covered
    largest_drop: float  # of the probability, 0..1, when the patch of value 1 is covered


def heat_map(
    probs: Callable[[ImageArray], FloatArray],
    class_names: Sequence[str],
    pixels: ImageArray,
    label: str | None = None,
    grid: int = 8,
) -> HeatMap:
    """Compute how much the log-odds of a class drop when each patch of a photo is covered.

    A patch is opaque at the centre of its cell and fades out as a normal distribution whose
    standard deviation is 1.3 cells.

    Args:
        probs: Returns the probabilities of uint8 images: [N, H, W, 3] to [N, K].
        class_names: The name of each class, length K.
        pixels: uint8, shape [H, W, 3], as the model gets the photo.
        label: The class; None is the one with the highest probability.
        grid: Cells along each side, 1 to 32; never more than pixels.

    Raises:
        ConfigError: The model has no such class, or the grid is too fine.
        ShapeError: The pixels are not of the model's image size.
    """
    if label is not None and label not in class_names:
        known = ", ".join(class_names)
        raise ConfigError(f"The model has no class '{label}'. Its classes: {known}.")
    if not 1 <= grid <= MAX_PATCHES:
        raise ConfigError(f"A heat map has 1 to {MAX_PATCHES} patches along a side, not {grid}.")
    plain = probs(pixels[None])[0]
    index = int(plain.argmax()) if label is None else class_names.index(label)
    rows, columns = (_windows(side, grid) for side in pixels.shape[:2])
    # The photo's own mean colour, which carries less information than black or white.
    change = pixels.reshape(-1, 3).mean(axis=0).round() - pixels
    found = np.empty((len(rows), len(columns)))
    for number, row in enumerate(rows):
        opacity = (row[:, None] * columns[:, None])[..., None]  # few enough for any size
        found[number] = probs((pixels + opacity * change).round().astype(np.uint8))[:, index]
    drops = (_log_odds(plain[index]) - _log_odds(found)).clip(0)
    largest = float(drops.max())
    values = drops / largest if largest > 0 else drops
    lost = float(plain[index]) - float(found.flat[drops.argmax()]) if largest > 0 else 0.0
    return HeatMap(class_names[index], values, float(plain[index]), lost)


def _windows(side: int, grid: int) -> FloatArray:
    """Return the opacity of each patch along a side, 0..1, shape [patches, side]."""
    number = min(grid, side)
    places = (np.arange(side) + 0.5) * number / side  # in cells
    centres = np.arange(number)[:, None] + 0.5
    return np.asarray(np.exp(-0.5 * ((places - centres) / _DEVIATION) ** 2))


def _log_odds(probs: FloatArray) -> FloatArray:
    inside = np.clip(probs, _MIN_PROBABILITY, 1 - _MIN_PROBABILITY)
    return np.asarray(np.log(inside) - np.log1p(-inside))
