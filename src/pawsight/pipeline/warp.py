"""Warp a batch of photos, each by its own affine map, in one pass.

The result is that of SciPy's `ndimage.affine_transform` with order 1, which
Keras' ImageDataGenerator calls: the same map from output to input
coordinates, the same edge rule for each fill mode, the same interpolation. The
code is index arithmetic and four gathers, since XLA fuses these into one
loop that reads bytes and writes floats.

An affine map is a tuple (xx, xy, x0, yx, yy, y0) of numbers or of tensors of
shape [B]: x' = xx x + xy y + x0 and y' = yx x + yy y + y0, where x counts
columns and y counts rows, in pixels from the top left corner.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from pawsight.config import FillMode

Affine = tuple[Any, Any, Any, Any, Any, Any]

IDENTITY: Affine = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def compose(outer: Affine, inner: Affine) -> Affine:
    """Compose two affine maps; `inner` is applied first."""
    xx, xy, x0, yx, yy, y0 = outer
    ixx, ixy, ix0, iyx, iyy, iy0 = inner
    return (
        xx * ixx + xy * iyx,
        xx * ixy + xy * iyy,
        xx * ix0 + xy * iy0 + x0,
        yx * ixx + yy * iyx,
        yx * ixy + yy * iyy,
        yx * ix0 + yy * iy0 + y0,
    )


def warp(
    images: tf.Tensor,
    affine: Affine,
    fill_mode: FillMode,
    cval: float,
    size: tuple[Any, Any] | None = None,
) -> tf.Tensor:
    """Warp photos: each output pixel is read from the input coordinates that the map gives.

    Args:
        images: Photos, uint8 or float, shape [B, H, W, 3], H and W at least 2.
        affine: From output coordinates to input coordinates, one map per photo.
        fill_mode: What is outside of the photo: the nearest edge pixel ("nearest"), `cval`
            ("constant"), its mirror image ("reflect": abc|cba), or its repetition ("wrap").
        cval: Value outside for fill_mode "constant", 0..255.
        size: (h, w) of the result in pixels; None keeps (H, W).

    Returns:
        The bilinearly interpolated photos, float32, shape [B, h, w, 3].
    """
    batch, height, width = (tf.shape(images)[axis] for axis in range(3))
    rows, columns = (height, width) if size is None else size
    xx, xy, x0, yx, yy, y0 = (_per_photo(value) for value in affine)
    x = tf.range(tf.cast(columns, tf.float32))[None, None, :]
    y = tf.range(tf.cast(rows, tf.float32))[None, :, None]
    column, outside_x = _fold(xx * x + xy * y + x0, width, fill_mode)
    row, outside_y = _fold(yx * x + yy * y + y0, height, fill_mode)

    # The last cell starts one pixel before the edge, so that all four corners exist.
    left = tf.minimum(tf.floor(column), tf.cast(width - 2, tf.float32))
    top = tf.minimum(tf.floor(row), tf.cast(height - 2, tf.float32))
    first = tf.range(batch)[:, None, None] * (height * width)
    corner = first + tf.cast(top, tf.int32) * width + tf.cast(left, tf.int32)
    right_share = (column - left)[..., None]
    bottom_share = (row - top)[..., None]

    colours = tf.reshape(images, (-1, 3))

    def at(index: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.gather(colours, index), tf.float32)

    # a + share * (b - a) is exact where a == b: flat areas keep their colour.
    upper = at(corner)
    upper += right_share * (at(corner + 1) - upper)
    lower = at(corner + width)
    lower += right_share * (at(corner + width + 1) - lower)
    warped = upper + bottom_share * (lower - upper)
    if fill_mode == "constant":
        outside = tf.logical_or(outside_x, outside_y)[..., None]
        warped = tf.where(outside, tf.constant(cval, tf.float32), warped)
    return warped


def halved(images: tf.Tensor) -> tf.Tensor:
    """Return photos with each 2 x 2 pixels averaged; an odd last row or column is dropped.

    The average of uint8 pixels is uint8, rounded half up: integer sums are faster,
    and the next operation reads a quarter of the bytes that float32 takes.

    Args:
        images: Photos, uint8 or float, shape [B, H, W, 3], H and W at least 2.

    Returns:
        uint8 if `images` is uint8, else float32, shape [B, H // 2, W // 2, 3].
    """
    rows, columns = images.shape[1] // 2 * 2, images.shape[2] // 2 * 2
    is_bytes = images.dtype == tf.uint8
    whole = tf.cast(images[:, :rows, :columns], tf.uint16 if is_bytes else tf.float32)
    tall = whole[:, 0::2] + whole[:, 1::2]
    sums = tall[:, :, 0::2] + tall[:, :, 1::2]
    return tf.cast((sums + 2) // 4, tf.uint8) if is_bytes else sums / 4


def _per_photo(value: Any) -> tf.Tensor:
    """Return a coefficient of an affine map as float32, shape [B, 1, 1] or [1, 1, 1]."""
    return tf.reshape(tf.cast(value, tf.float32), (-1, 1, 1))


def _fold(
    coordinate: tf.Tensor, length: tf.Tensor, fill_mode: FillMode
) -> tuple[tf.Tensor, tf.Tensor]:
    """Map a coordinate into 0..length-1 by the edge rule of the fill mode.

    Returns:
        The folded coordinate, and whether the given coordinate is outside.
    """
    last = tf.cast(length - 1, tf.float32)
    outside = tf.logical_or(coordinate < 0, coordinate > last)
    folded = coordinate
    if fill_mode == "reflect":
        # Mirrored at the outer borders of the edge pixels, -0.5 and length - 0.5.
        period = tf.cast(2 * length, tf.float32)
        shifted = coordinate + 0.5
        shifted -= period * tf.floor(shifted / period)
        folded = tf.minimum(shifted, period - shifted) - 0.5
    elif fill_mode == "wrap":
        # SciPy's period is length - 1 pixels: the last pixel coincides with the first.
        turns = tf.where(
            coordinate < 0, tf.floor(-coordinate / last) + 1, -tf.floor(coordinate / last)
        )
        folded = tf.where(outside, coordinate + turns * last, coordinate)
    return tf.clip_by_value(folded, 0.0, last), outside
