"""The augmentations: their parameters, how these are drawn, and what they do to photos.

A new augmentation is a field of `AugmentConfig`, a field of `Parameters` with its draw, and
a step of `affine_of` if it moves pixels, else of `change_pixels`.

The draws are stateless: the same seed gives the same parameters on any machine,
in any order of calls.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import tensorflow as tf

from pawsight.config import AugmentConfig, Range
from pawsight.pipeline.warp import IDENTITY, Affine, compose

_GREY = 128.0


class Parameters(NamedTuple):
    """Parameters of a batch: tensors of shape [B], named as in Keras; None changes nothing.

    As in Keras, a positive `tx` or `ty` moves the content left or up, and a
    zoom below 1 magnifies. New fields must be added at the end, because the values
    drawn for a field depend on its position.
    """

    theta: tf.Tensor | None = None  # degrees
    tx: tf.Tensor | None = None  # pixels along x (columns)
    ty: tf.Tensor | None = None  # pixels along y (rows)
    shear: tf.Tensor | None = None  # degrees
    zx: tf.Tensor | None = None  # factor along x
    zy: tf.Tensor | None = None  # factor along y
    flip_horizontal: tf.Tensor | None = None  # bool
    flip_vertical: tf.Tensor | None = None  # bool
    channel_shift_intensity: tf.Tensor | None = None  # summand, -255..255
    brightness: tf.Tensor | None = None  # factor
    erase_x: tf.Tensor | None = None  # centre of the grey square, as a share of the width
    erase_y: tf.Tensor | None = None  # the same, as a share of the height
    erase_side: tf.Tensor | None = None  # its sides, as a share of the width and of the height

    @property
    def has_affine(self) -> bool:
        """Whether any of the parameters moves pixels."""
        moving = (self.theta, self.tx, self.ty, self.shear, self.zx, self.zy)
        flips = (self.flip_horizontal, self.flip_vertical)
        return any(value is not None for value in (*moving, *flips))


def draw(
    config: AugmentConfig,
    seed: Any,
    batch_size: Any,
    image_size: tuple[Any, Any],
    strength: Any = None,
) -> Parameters:
    """Draw one set of parameters per photo.

    Args:
        config: The ranges.
        seed: Two integers, shape [2]; equal seeds give equal parameters.
        batch_size: Number of photos B.
        image_size: (height, width) in pixels, for shifts given as fractions.
        strength: Strength of the augmentation, 0 or above: amounts are
            multiplied by it, and factors raised to this power. None is 1.
            Flips do not depend on it.

    Returns:
        Tensors of shape [B]; None for augmentations that the config does not use.
    """
    # One draw for all fields, a row each, so that no setting changes the numbers of another.
    # The algorithm is named because the default differs between devices.
    uniform = tf.random.stateless_uniform(
        (len(Parameters._fields), batch_size), tf.cast(seed, tf.int64), alg="philox"
    )
    rows = dict(zip(Parameters._fields, tf.unstack(uniform), strict=True))

    def shift(name: str, shift_range: Range, length: Any) -> tf.Tensor | None:
        return _scaled(_shift(rows[name], shift_range, length), strength)

    def symmetric(name: str, limit: float) -> tf.Tensor | None:
        return _scaled(_between(rows[name], -limit, limit, 0.0), strength)

    def factor(name: str, low: float, high: float) -> tf.Tensor | None:
        return _raised(_between(rows[name], low, high, 1.0), strength)

    zoom = config.zoom_range
    zoom_limits = zoom if isinstance(zoom, tuple) else (1 - zoom, 1 + zoom)
    drawn = Parameters(
        theta=symmetric("theta", config.rotation_range),
        tx=shift("tx", config.width_shift_range, image_size[1]),
        ty=shift("ty", config.height_shift_range, image_size[0]),
        shear=symmetric("shear", config.shear_range),
        zx=factor("zx", *zoom_limits),
        zy=factor("zy", *zoom_limits),
        flip_horizontal=rows["flip_horizontal"] < 0.5 if config.horizontal_flip else None,
        flip_vertical=rows["flip_vertical"] < 0.5 if config.vertical_flip else None,
        channel_shift_intensity=symmetric("channel_shift_intensity", config.channel_shift_range),
        brightness=factor("brightness", *(config.brightness_range or (1.0, 1.0))),
    )
    if config.crop_range is not None:
        drawn = drawn._replace(**_crop(rows, config, image_size, strength))
    if config.erase:
        side = tf.minimum(_scaled(tf.fill((batch_size,), config.erase), strength), 1.0)
        drawn = drawn._replace(erase_x=rows["erase_x"], erase_y=rows["erase_y"], erase_side=side)
    return drawn


def affine_of(parameters: Parameters, height: Any, width: Any) -> Affine:
    """Compose the parameters into one map per photo, from output to input coordinates.

    Computed in float64, so that the corner of a large photo is as exact as its centre.
    """
    values = {
        name: None if value is None else tf.cast(value, tf.float64)
        for name, value in parameters._asdict().items()
    }
    rows, columns = tf.cast(height, tf.float64), tf.cast(width, tf.float64)
    affine = IDENTITY
    if values["theta"] is not None:
        angle = values["theta"] * (math.pi / 180)
        cos, sin = tf.cos(angle), tf.sin(angle)
        affine = compose(affine, (cos, -sin, 0.0, sin, cos, 0.0))
    if values["tx"] is not None or values["ty"] is not None:
        tx = 0.0 if values["tx"] is None else values["tx"]
        ty = 0.0 if values["ty"] is None else values["ty"]
        affine = compose(affine, (1.0, 0.0, tx, 0.0, 1.0, ty))
    if values["shear"] is not None:
        angle = values["shear"] * (math.pi / 180)
        affine = compose(affine, (1.0, -tf.sin(angle), 0.0, 0.0, tf.cos(angle), 0.0))
    if values["zx"] is not None or values["zy"] is not None:
        zx = 1.0 if values["zx"] is None else values["zx"]
        zy = 1.0 if values["zy"] is None else values["zy"]
        affine = compose(affine, (zx, 0.0, 0.0, 0.0, zy, 0.0))
    # Keras takes the centre's x from the height and its y from the width. This is the
    # centre of square photos only, but equal results need the same formula.
    centre_x, centre_y = rows / 2 - 0.5, columns / 2 - 0.5
    affine = compose((1.0, 0.0, centre_x, 0.0, 1.0, centre_y), affine)
    affine = compose(affine, (1.0, 0.0, -centre_x, 0.0, 1.0, -centre_y))
    if values["flip_horizontal"] is not None:
        # 1 where the photo is kept, -1 where it is flipped.
        sign = 1 - 2 * values["flip_horizontal"]
        affine = compose(affine, (sign, 0.0, (1 - sign) / 2 * (columns - 1), 0.0, 1.0, 0.0))
    if values["flip_vertical"] is not None:
        sign = 1 - 2 * values["flip_vertical"]
        affine = compose(affine, (1.0, 0.0, 0.0, 0.0, sign, (1 - sign) / 2 * (rows - 1)))
    return affine


def change_pixels(images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
    """Apply the parameters that do not move pixels to float32 photos 0..255, [B, h, w, 3]."""
    changed = images
    if parameters.channel_shift_intensity is not None:
        darkest = tf.reduce_min(changed, axis=(1, 2, 3), keepdims=True)
        brightest = tf.reduce_max(changed, axis=(1, 2, 3), keepdims=True)
        shift = tf.reshape(parameters.channel_shift_intensity, (-1, 1, 1, 1))
        changed = tf.clip_by_value(changed + shift, darkest, brightest)
    if parameters.brightness is not None:
        factor = tf.reshape(parameters.brightness, (-1, 1, 1, 1))
        changed = tf.floor(tf.clip_by_value(tf.floor(changed) * factor, 0.0, 255.0))
    x, y, side = parameters.erase_x, parameters.erase_y, parameters.erase_side
    if x is not None and y is not None and side is not None:
        covered = tf.logical_and(
            _near(y, side, tf.shape(changed)[1])[:, :, None],
            _near(x, side, tf.shape(changed)[2])[:, None, :],
        )
        changed = tf.where(covered[..., None], _GREY, changed)
    return changed


def _shift(uniform: tf.Tensor, shift_range: Range, length: Any) -> tf.Tensor | None:
    """Draw shifts in pixels; a range whose ends are both below 1 is a fraction of `length`."""
    low, high = shift_range if isinstance(shift_range, tuple) else (-shift_range, shift_range)
    if low == high == 0:
        return None
    pixels = low + uniform * (high - low)
    is_fraction = max(abs(low), abs(high)) < 1
    return pixels * tf.cast(length, tf.float32) if is_fraction else pixels


def _between(uniform: tf.Tensor, low: float, high: float, neutral: float) -> tf.Tensor | None:
    """Draw between two numbers; return None where both are the neutral value."""
    return None if low == high == neutral else low + uniform * (high - low)


def _scaled(amount: tf.Tensor | None, strength: Any) -> tf.Tensor | None:
    """Multiply an amount, whose neutral value is 0, by the strength."""
    return amount if amount is None or strength is None else amount * strength


def _raised(factor: tf.Tensor | None, strength: Any) -> tf.Tensor | None:
    """Raise a factor, whose neutral value is 1, to the power of the strength; it stays above 0."""
    return factor if factor is None or strength is None else factor**strength


def _crop(
    rows: dict[str, tf.Tensor], config: AugmentConfig, image_size: tuple[Any, Any], strength: Any
) -> dict[str, tf.Tensor]:
    """Draw a crop within the photo, as zoom and shift.

    The share of the area is drawn uniformly, the aspect ratio log-uniformly.
    Source: arXiv:1409.4842, section 6.
    """
    low, high = config.crop_range or (1.0, 1.0)
    side = tf.sqrt(low + rows["zx"] * (high - low))
    stretch = tf.exp((rows["zy"] - 0.5) * math.log(config.crop_stretch))
    drawn = {}
    for zoom, shift, uniform, length, share in (
        ("zx", "tx", rows["tx"], image_size[1], side * stretch),
        ("zy", "ty", rows["ty"], image_size[0], side / stretch),
    ):
        side = tf.minimum(share, 1.0)
        side = side if strength is None else side**strength
        drawn[zoom] = side
        drawn[shift] = (uniform - 0.5) * (1 - side) * tf.cast(length, tf.float32)
    return drawn


def _near(centre: tf.Tensor, side: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """Return which pixels of a row or column are in an erased square, bool [B, length].

    Args:
        centre: Centre of each square as a share of the length, [B]. A square may extend over
            the edge.
        side: Side of each square as a share of the length, [B].
        length: Pixels in the row or column.
    """
    positions = (tf.range(tf.cast(length, tf.float32)) + 0.5) / tf.cast(length, tf.float32)
    return tf.abs(positions[None] - centre[:, None]) < side[:, None] / 2
