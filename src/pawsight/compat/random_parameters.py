"""Draw augmentation parameters from NumPy's global generator, in Keras' own order.

A seed therefore gives the same numbers as in Keras. `pipeline.augmentations` instead
draws statelessly, for whole batches, in a TensorFlow graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pawsight.compat.legacy_errors import SettingError
from pawsight.compat.transforms import IDENTITY

Shift = float | Sequence[float]


def draw(settings: Any, height: int, width: int) -> dict[str, Any]:
    """Draw the parameters of a random transformation.

    Args:
        settings: An ImageDataGenerator.
        height: The height of the photo in pixels.
        width: The width of the photo in pixels.

    Returns:
        Angles in degrees, shifts in pixels, factors and flips, by the names of Keras.
    """
    drawn: dict[str, Any] = dict(IDENTITY)
    if settings.rotation_range:
        drawn["theta"] = np.random.uniform(-settings.rotation_range, settings.rotation_range)
    # Keras draws tx from the height's range, but shifts columns by it; kept, see docs/compat.md.
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
    """Return the limits of the zoom factors, [low, high].

    Raises:
        SettingError: `zoom` is neither a number nor a pair of numbers.
    """
    if isinstance(zoom, float | int):
        return [1 - zoom, 1 + zoom]
    if len(zoom) == 2 and all(isinstance(value, float | int) for value in zoom):
        return [zoom[0], zoom[1]]
    raise SettingError(f"zoom_range must be a number or a pair of two numbers, not {zoom}.")


def _shift(shift_range: Shift, length: int) -> float:
    """Draw a shift in pixels.

    A float limits the shift. An integer n allows 0..n-1 pixels, and a list its values,
    in both directions. Values below 1 are fractions of the length, others are pixels.
    """
    if np.array_equal(shift_range, 0) or not np.size(shift_range):  # [0, 0] still draws numbers
        return 0
    if isinstance(shift_range, float | np.floating):
        shift = np.random.uniform(-shift_range, shift_range)
    else:
        shift = np.random.choice(shift_range) * np.random.choice([-1, 1])
    return float(shift * length if np.max(shift_range) < 1 else shift)
