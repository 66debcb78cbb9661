"""Compute occlusion maps: how much the log-odds of a class drop when parts of a photo are covered.

Source: Zeiler and Fergus, arXiv:1311.2901, section 4.2. The method only runs the model, so it
works for every model. Unlike the source, patches fade out, since networks that were trained from
scratch respond to sharp edges; and log-odds replace probabilities, which hardly change near 1.
benchmarks/heat_maps measures the effect of both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pawsight.errors import ConfigError
from pawsight.records import FloatArray, ImageArray

MAX_PATCHES = 32  # along a side: 1,024 images

_DEVIATION = 1.3  # standard deviation of a patch's opacity, in cells of the grid
_MIN_PROBABILITY = 1e-12  # probabilities are clipped to this and 1 minus this


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """How much the probability of a class depends on each part of a photo."""

    label: str
    # Shape [rows, columns], 0..1: the drop of the log-odds when a patch around the cell is covered,
    # relative to the largest drop; 0 where the log-odds rise, and 0 everywhere if they never drop.
    values: FloatArray
    probability: float  # of the class, without covering
    largest_drop: float  # drop of the probability, 0..1, for the patch of value 1


def heat_map(
    probs: Callable[[ImageArray], FloatArray],
    class_names: Sequence[str],
    pixels: ImageArray,
    label: str | None = None,
    grid: int = 8,
) -> HeatMap:
    """Compute how much the log-odds of a class drop when each patch of a photo is covered.

    A patch is opaque at the centre of its cell, and fades out like a normal distribution with a
    standard deviation of 1.3 cells.

    Args:
        probs: Returns the probabilities [N, K] of images, uint8 [N, H, W, 3].
        class_names: The name of each class, length K.
        pixels: The photo at the model's image size, uint8 [H, W, 3].
        label: The class; None is the most probable class.
        grid: Cells along each side, 1 to 32; at most one per pixel.

    Raises:
        ConfigError: The model has no such class, or `grid` is out of range.
        ShapeError: The pixels do not have the model's image size.
    """
    if label is not None and label not in class_names:
        known = ", ".join(class_names)
        raise ConfigError(f"The model has no class '{label}'. Its classes: {known}.")
    if not 1 <= grid <= MAX_PATCHES:
        raise ConfigError(f"A heat map has 1 to {MAX_PATCHES} patches along a side, not {grid}.")
    plain = probs(pixels[None])[0]
    index = int(plain.argmax()) if label is None else class_names.index(label)
    rows, columns = (_windows(side, grid) for side in pixels.shape[:2])
    # Covered with the photo's mean colour, which differs less from it than black or white.
    change = pixels.reshape(-1, 3).mean(axis=0).round() - pixels
    covered = np.empty((len(rows), len(columns)))
    for number, row in enumerate(rows):  # a row of patches at a time, to limit the memory
        opacity = (row[:, None] * columns[:, None])[..., None]
        covered[number] = probs((pixels + opacity * change).round().astype(np.uint8))[:, index]
    drops = (_log_odds(plain[index]) - _log_odds(covered)).clip(0)
    largest = float(drops.max())
    values = drops / largest if largest > 0 else drops
    lost = float(plain[index]) - float(covered.flat[drops.argmax()]) if largest > 0 else 0.0
    return HeatMap(class_names[index], values, float(plain[index]), lost)


def _windows(side: int, grid: int) -> FloatArray:
    """Return the opacity of each patch along a side, 0..1, shape [patches, side]."""
    num_cells = min(grid, side)
    positions = (np.arange(side) + 0.5) * num_cells / side  # in cells
    centres = np.arange(num_cells)[:, None] + 0.5
    return np.asarray(np.exp(-0.5 * ((positions - centres) / _DEVIATION) ** 2))


def _log_odds(probs: FloatArray) -> FloatArray:
    clipped = np.clip(probs, _MIN_PROBABILITY, 1 - _MIN_PROBABILITY)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))
