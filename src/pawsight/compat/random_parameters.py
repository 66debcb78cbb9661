"""Draw augmentation parameters from NumPy's global generator, in Keras' own order.

So a seed gives the numbers that it gave to Keras. `pipeline.augmentations` is the
other way to draw: stateless, for whole batches, inside the graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pawsight.compat.legacy_errors import SettingError
from pawsight.compat.transforms import STILL

Shift = float | Sequence[float]


def draw(settings: Any, height: int, width: int) -> dict[str, Any]:
    """Draw the parameters of one change.

    Args:
        settings: An ImageDataGenerator.
        height: Of the photo, in pixels.
        width: Of the photo, in pixels.

    Returns:
        Angles in degrees, shifts in pixels, factors, and flips; as Keras names them.
    """
    drawn: dict[str, Any] = dict(STILL)
    if settings.rotation_range:
        drawn["theta"] = np.random.uniform(-settings.rotation_range, settings.rotation_range)
    # Keras draws tx from the height's range, but moves sideways by it: kept, see docs/compat.md.
    drawn["tx"] = _shift(settings.height_shift_range, height)
    drawn["ty"] = _shift(settings.width_shift_range, width)
    if settings.shear_range:
        drawn["shear"] = np.random.uniform(-settings.shear_range, settings.shear_range)
    if tuple(settings.zoom_range) != (1, 1):
        drawn["zx"], drawn["zy"] = np.random.uniform(
            settings.zoom_range[0], settings.zoom_range[1], 2
        )
    drawn["flip_horizontal"] = (np.random.random() < 0.5) * settings.horizontal_flip
    drawn["flip_vertical"] = (np.random.random() < 0.5) * settings.vertical_flip
    drawn["channel_shift_intensity"] = drawn["brightness"] = None
    if settings.channel_shift_range != 0:
        limit = settings.channel_shift_range
        drawn["channel_shift_intensity"] = np.random.uniform(-limit, limit)
    if settings.brightness_range is not None:
        drawn["brightness"] = np.random.uniform(
            settings.brightness_range[0], settings.brightness_range[1]
        )
    return drawn


def zoom_limits(zoom: float | Sequence[float]) -> list[float]:
    """Return (low, high) of the factors.

    Raises:
        SettingError: It is neither a number nor a pair of numbers.
    """
    if isinstance(zoom, float | int):
        return [1 - zoom, 1 + zoom]
    if len(zoom) == 2 and all(isinstance(value, float | int) for value in zoom):
        return [zoom[0], zoom[1]]
    raise SettingError(f"zoom_range must be a number or a pair of two numbers, not {zoom}.")


def _shift(shift_range: Shift, length: int) -> float:
    """Draw a shift in pixels.

    A list is chosen from, an integer n gives one of 0..n-1 pixels, both to either
    side; a float is a limit, in pixels from 1 on. Below 1 all are shares of the length.
    """
    if np.array_equal(shift_range, 0) or not np.size(shift_range):  # [0, 0] draws all the same
        return 0
    if isinstance(shift_range, float | np.floating):
        shift = np.random.uniform(-shift_range, shift_range)
    else:
        shift = np.random.choice(shift_range) * np.random.choice([-1, 1])
    return float(shift * length if np.max(shift_range) < 1 else shift)
