"""Transform a photo as Keras' ImageDataGenerator does, operation by operation.

Exact but slow: for any number of channels, spline order and fill mode of SciPy.
`batch` transforms whole batches in the common case.
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
IDENTITY: dict[str, Any] = {
    "theta": 0,
    "tx": 0,
    "ty": 0,
    "shear": 0,
    "zx": 1,
    "zy": 1,
    "flip_horizontal": False,
    "flip_vertical": False,
}
_AFFINE = ("theta", "tx", "ty", "shear", "zx", "zy")


class Axes(NamedTuple):
    """Axes of rows, columns and channels of one photo."""

    rows: int
    columns: int
    channels: int


def moves_pixels(parameters: Mapping[str, Any]) -> bool:
    """Return whether the parameters move pixels."""
    return any(parameters.get(name, identity) != identity for name, identity in IDENTITY.items())


def apply(
    photo: NDArray[Any],
    parameters: Mapping[str, Any],
    axes: Axes,
    fill_mode: str,
    cval: float,
    order: int,
) -> NDArray[Any]:
    """Transform a photo with drawn parameters.

    Args:
        photo: Shape [H, W, C] or [C, H, W], as in `axes`.
        parameters: As `ImageDataGenerator.get_random_transform` returns them: angles in
            degrees, shifts in pixels; a missing parameter changes nothing.
        axes: Positions of rows, columns and channels.
        fill_mode: A mode of `scipy.ndimage`.
        cval: The value outside the photo for the mode "constant".
        order: The order of the spline, 0..5; 1 is bilinear.

    Returns:
        The transformed photo, of the same shape.

    Raises:
        SettingError: The array is not a single photo.
    """
    if photo.ndim != 3:
        raise SettingError(
            f"One photo has 3 dimensions (rows, columns, channels), but this array has the shape "
            f"{photo.shape}.\nGive one photo at a time."
        )
    changed = _warped(photo, parameters, axes, fill_mode, cval, order)
    if parameters.get("channel_shift_intensity") is not None:
        # Clipped to the smallest and largest value of the photo.
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
    matrices = _matrices(**{name: parameters.get(name, IDENTITY[name]) for name in _AFFINE})
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
    """Return the non-identity matrices, in Keras' order: rotation, shift, shear, zoom."""
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
    """Multiply the brightness as Pillow does on bytes; values outside 0..255 are scaled first.

    Raises:
        SettingError: The photo has not 1, 3 or 4 channels.
    """
    low, high = photo.min(), photo.max()
    is_scaled = bool(low < 0 or high > 255)
    values = np.moveaxis(photo, axes.channels, 2)
    if values.shape[2] not in (1, 3, 4):
        raise SettingError(
            f"brightness_range needs photos of 1, 3 or 4 channels, not {values.shape[2]}."
        )
    if is_scaled:
        values = (values - low) / ((high - low) or 1) * 255
    pixels = values.astype(np.uint8)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    bright = np.asarray(ImageEnhance.Brightness(image).enhance(factor), photo.dtype)
    bright = np.moveaxis(bright.reshape(pixels.shape), 2, axes.channels)
    return bright / 255 * (high - low) + low if is_scaled else bright
