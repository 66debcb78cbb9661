"""Change one photo as Keras' ImageDataGenerator does, operation by operation.

Any number of channels, any spline order and any fill mode of SciPy: the exact
but slow way. `batch.py` does the common case for many photos at once.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from pawsight.compat.legacy_errors import SettingError

# Parameters of the identity.
STILL: dict[str, Any] = {
    "theta": 0,
    "tx": 0,
    "ty": 0,
    "shear": 0,
    "zx": 1,
    "zy": 1,
    "flip_horizontal": False,
    "flip_vertical": False,
}
_MAPPED = ("theta", "tx", "ty", "shear", "zx", "zy")


class Axes(NamedTuple):
    """Axes of rows, columns and channels of one photo."""

    rows: int
    columns: int
    channels: int


def is_moved(parameters: Mapping[str, Any]) -> bool:
    """Return whether these parameters move pixels."""
    return any(parameters.get(name, still) != still for name, still in STILL.items())


def apply(
    photo: NDArray[Any],
    parameters: Mapping[str, Any],
    axes: Axes,
    fill_mode: str,
    cval: float,
    order: int,
) -> NDArray[Any]:
    """Change a photo by drawn parameters.

    Args:
        photo: Shape [H, W, C] or [C, H, W], as in `axes`.
        parameters: Named as `ImageDataGenerator.get_random_transform` gives
            them; what is missing changes nothing. Angles in degrees, shifts in pixels.
        axes: Positions of rows, columns and channels.
        fill_mode: What is outside, as SciPy names it.
        cval: The colour outside, for "constant".
        order: Of the spline, 0..5; 1 is bilinear.

    Returns:
        The changed photo, of the same shape.

    Raises:
        SettingError: It is no single photo.
    """
    if photo.ndim != 3:
        raise SettingError(
            f"One photo has 3 dimensions (rows, columns, channels), but this array has the shape "
            f"{photo.shape}.\nGive one photo at a time."
        )
    changed = _warped(photo, parameters, axes, fill_mode, cval, order)
    if parameters.get("channel_shift_intensity") is not None:
        # Within the photo's own darkest and brightest value.
        shifted = changed + changed.dtype.type(parameters["channel_shift_intensity"])
        changed = np.clip(shifted, changed.min(), changed.max())
    if parameters.get("flip_horizontal"):
        changed = np.flip(changed, axes.columns)
    if parameters.get("flip_vertical"):
        changed = np.flip(changed, axes.rows)
    if parameters.get("brightness") is not None:
        changed = _brightened(changed, parameters["brightness"], axes)
    return changed


def _warped(
    photo: NDArray[Any],
    parameters: Mapping[str, Any],
    axes: Axes,
    fill_mode: str,
    cval: float,
    order: int,
) -> NDArray[Any]:
    matrices = _matrices(**{name: parameters.get(name, STILL[name]) for name in _MAPPED})
    if not matrices:
        return photo
    # Keras takes the centre's x from the height and its y from the width: see docs/compat.md.
    x, y = photo.shape[axes.rows] / 2 - 0.5, photo.shape[axes.columns] / 2 - 0.5
    affine = functools.reduce(np.dot, matrices)
    affine = _shift(x, y) @ affine @ _shift(-x, -y)
    affine = affine[[1, 0, 2]][:, [1, 0, 2]]  # from (x, y) to (row, column)
    channels = [
        scipy.ndimage.affine_transform(
            channel, affine[:2, :2], affine[:2, 2], order=order, mode=fill_mode, cval=cval
        )
        for channel in np.moveaxis(photo, axes.channels, 0)
    ]
    return np.stack(channels, axis=axes.channels)


def _shift(x: float, y: float) -> NDArray[np.float64]:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)


def _matrices(
    theta: float, tx: float, ty: float, shear: float, zx: float, zy: float
) -> list[NDArray[np.float64]]:
    """Return the maps that are not the identity, in Keras' order: rotation, shift, shear, zoom."""
    matrices = []
    if theta != 0:
        cos, sin = np.cos(np.deg2rad(theta)), np.sin(np.deg2rad(theta))
        matrices.append(np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]))
    if tx != 0 or ty != 0:
        matrices.append(_shift(tx, ty))
    if shear != 0:
        cos, sin = np.cos(np.deg2rad(shear)), np.sin(np.deg2rad(shear))
        matrices.append(np.array([[1, -sin, 0], [0, cos, 0], [0, 0, 1]]))
    if zx != 1 or zy != 1:
        matrices.append(np.array([[zx, 0, 0], [0, zy, 0], [0, 0, 1]], np.float64))
    return matrices


def _brightened(photo: NDArray[Any], factor: float, axes: Axes) -> NDArray[Any]:
    """Multiply the brightness as Pillow does on bytes; other ranges are scaled to 0..255 and back.

    Raises:
        SettingError: A photo of other than 1, 3 or 4 channels.
    """
    low, high = photo.min(), photo.max()
    is_foreign = bool(low < 0 or high > 255)
    values = np.moveaxis(photo, axes.channels, 2)
    if values.shape[2] not in (1, 3, 4):
        raise SettingError(
            f"brightness_range needs photos of 1, 3 or 4 channels, not {values.shape[2]}."
        )
    if is_foreign:
        values = (values - low) / ((high - low) or 1) * 255
    pixels = values.astype(np.uint8)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    bright = np.asarray(ImageEnhance.Brightness(image).enhance(factor), photo.dtype)
    bright = np.moveaxis(bright.reshape(pixels.shape), 2, axes.channels)
    return bright / 255 * (high - low) + low if is_foreign else bright
