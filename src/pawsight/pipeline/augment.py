"""Random changes to training photos, in the vocabulary of Keras' ImageDataGenerator.

For the same drawn parameters the result is the old generator's, pixel by
pixel, but a whole batch is made at once inside the graph: rotation, shift,
shear, zoom and flips are composed into ONE affine map per photo, so each photo
is interpolated once. The draws are stateless: the same seed gives the same
parameters on any machine, in any order of calls.

XLA compiles the arithmetic into one loop, which is several times faster than
TensorFlow's own operations on a CPU. Where XLA is missing the same code runs
uncompiled.
"""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from pawsight.config import AugmentConfig, FillMode, Range
from pawsight.pipeline.warp import IDENTITY, Affine, compose, warp

_log = logging.getLogger(__name__)


class Parameters(NamedTuple):
    """What was drawn for a batch: tensors of shape [B], named as in Keras; None is left out.

    As in Keras, a positive `tx` or `ty` moves the content left or up, and a
    zoom below 1 magnifies.
    """

    theta: tf.Tensor | None = None  # degrees
    tx: tf.Tensor | None = None  # pixels along x (columns)
    ty: tf.Tensor | None = None  # pixels along y (rows)
    shear: tf.Tensor | None = None  # degrees
    zx: tf.Tensor | None = None  # factor along x
    zy: tf.Tensor | None = None  # factor along y
    flip_horizontal: tf.Tensor | None = None  # bool
    flip_vertical: tf.Tensor | None = None  # bool
    channel_shift_intensity: tf.Tensor | None = None  # added, -255..255
    brightness: tf.Tensor | None = None  # factor

    @property
    def has_affine(self) -> bool:
        """Whether any of them moves pixels."""
        return any(value is not None for value in self[:8])


class Augment:
    """Changes batches of photos at random, as its config says.

    `augment(images, seed)` is `augment.apply(images, augment.draw(seed, ...))`.
    It works eagerly, inside `tf.function` and inside `tf.data`.
    """

    def __init__(self, config: AugmentConfig) -> None:
        self.config = config

    def __call__(self, images: tf.Tensor, seed: Any) -> tf.Tensor:
        """Draw parameters for a batch and apply them.

        Args:
            images: Photos, uint8 or float 0..255, shape [B, H, W, 3].
            seed: Two integers, shape [2], such as (seed of the run, step).

        Returns:
            The changed photos, float32 0..255, shape [B, H, W, 3].
        """
        images = tf.convert_to_tensor(images)
        static, dynamic = images.shape, tf.shape(images)
        batch_size, height, width = (
            dynamic[axis] if static[axis] is None else static[axis] for axis in range(3)
        )
        return self.apply(images, self.draw(seed, batch_size, (height, width)))

    def draw(self, seed: Any, batch_size: Any, image_size: tuple[Any, Any]) -> Parameters:
        """Draw one set of parameters per photo.

        Args:
            seed: Two integers, shape [2]; equal seeds give equal parameters.
            batch_size: Number of photos B.
            image_size: (height, width) in pixels, for shifts given as fractions.

        Returns:
            Tensors of shape [B]; None for what the config leaves out.
        """
        config = self.config
        # One draw for everything, a row per field: no setting changes another's numbers.
        # The algorithm is named because the default one differs between devices.
        uniform = tf.random.stateless_uniform(
            (len(Parameters._fields), batch_size), tf.cast(seed, tf.int64), alg="philox"
        )
        rows = dict(zip(Parameters._fields, tf.unstack(uniform), strict=True))

        def between(name: str, low: Any, high: Any) -> tf.Tensor | None:
            return None if low == high == _NEUTRAL[name] else low + rows[name] * (high - low)

        def both_ways(name: str, limit: float) -> tf.Tensor | None:
            return between(name, -limit, limit)

        zoom = config.zoom_range
        zoom_limits = zoom if isinstance(zoom, tuple) else (1 - zoom, 1 + zoom)
        return Parameters(
            theta=both_ways("theta", config.rotation_range),
            tx=_shift(rows["tx"], config.width_shift_range, image_size[1]),
            ty=_shift(rows["ty"], config.height_shift_range, image_size[0]),
            shear=both_ways("shear", config.shear_range),
            zx=between("zx", *zoom_limits),
            zy=between("zy", *zoom_limits),
            flip_horizontal=rows["flip_horizontal"] < 0.5 if config.horizontal_flip else None,
            flip_vertical=rows["flip_vertical"] < 0.5 if config.vertical_flip else None,
            channel_shift_intensity=both_ways(
                "channel_shift_intensity", config.channel_shift_range
            ),
            brightness=between("brightness", *(config.brightness_range or (1.0, 1.0))),
        )

    def apply(self, images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        """Change each photo by its own parameters.

        In Keras' order: the affine map, then the channel shift (which stays
        within the photo's own darkest and brightest value), the flips, and the
        brightness (which rounds down to whole numbers, as Pillow does).

        Args:
            images: Photos, uint8 or float 0..255, shape [B, H, W, 3].
            parameters: From `draw`, or tensors of shape [B] of your own.

        Returns:
            The changed photos, float32 0..255, shape [B, H, W, 3].
        """
        if all(value is None for value in parameters):
            return tf.cast(images, tf.float32)
        return _compiled(self.config.fill_mode, self.config.cval)(images, parameters)


# The value of a parameter that changes nothing; a range of only this value is left out.
_NEUTRAL = {
    "theta": 0.0,
    "shear": 0.0,
    "zx": 1.0,
    "zy": 1.0,
    "channel_shift_intensity": 0.0,
    "brightness": 1.0,
}


def _shift(uniform: tf.Tensor, shift_range: Range, length: Any) -> tf.Tensor | None:
    """Draw shifts in pixels; a range wholly below 1 is a fraction of `length`."""
    low, high = shift_range if isinstance(shift_range, tuple) else (-shift_range, shift_range)
    if low == high == 0:
        return None
    pixels = low + uniform * (high - low)
    is_fraction = max(abs(low), abs(high)) < 1
    return pixels * tf.cast(length, tf.float32) if is_fraction else pixels


def _affine(parameters: Parameters, height: tf.Tensor, width: tf.Tensor) -> Affine:
    """Compose the parameters into one map per photo, from output to input coordinates.

    In float64, so that the corner of a large photo is as exact as its centre.
    """
    wide = {
        name: None if value is None else tf.cast(value, tf.float64)
        for name, value in parameters._asdict().items()
    }
    rows, columns = tf.cast(height, tf.float64), tf.cast(width, tf.float64)
    affine = IDENTITY
    if wide["theta"] is not None:
        angle = wide["theta"] * (math.pi / 180)
        cos, sin = tf.cos(angle), tf.sin(angle)
        affine = compose(affine, (cos, -sin, 0.0, sin, cos, 0.0))
    if wide["tx"] is not None or wide["ty"] is not None:
        tx = 0.0 if wide["tx"] is None else wide["tx"]
        ty = 0.0 if wide["ty"] is None else wide["ty"]
        affine = compose(affine, (1.0, 0.0, tx, 0.0, 1.0, ty))
    if wide["shear"] is not None:
        angle = wide["shear"] * (math.pi / 180)
        affine = compose(affine, (1.0, -tf.sin(angle), 0.0, 0.0, tf.cos(angle), 0.0))
    if wide["zx"] is not None or wide["zy"] is not None:
        zx = 1.0 if wide["zx"] is None else wide["zx"]
        zy = 1.0 if wide["zy"] is None else wide["zy"]
        affine = compose(affine, (zx, 0.0, 0.0, 0.0, zy, 0.0))
    # Keras takes the centre's x from the height and its y from the width. That is the
    # centre for square photos only, but it is what its results are made with.
    centre_x, centre_y = rows / 2 - 0.5, columns / 2 - 0.5
    affine = compose((1.0, 0.0, centre_x, 0.0, 1.0, centre_y), affine)
    affine = compose(affine, (1.0, 0.0, -centre_x, 0.0, 1.0, -centre_y))
    if wide["flip_horizontal"] is not None:
        # 1 where the photo is kept, -1 where it is flipped.
        sign = 1 - 2 * wide["flip_horizontal"]
        affine = compose(affine, (sign, 0.0, (1 - sign) / 2 * (columns - 1), 0.0, 1.0, 0.0))
    if wide["flip_vertical"] is not None:
        sign = 1 - 2 * wide["flip_vertical"]
        affine = compose(affine, (1.0, 0.0, 0.0, 0.0, sign, (1 - sign) / 2 * (rows - 1)))
    return affine


@functools.cache
def _compiled(fill_mode: FillMode, cval: float) -> Callable[[tf.Tensor, Parameters], tf.Tensor]:
    """The compiled `_apply`; shared, so that a second Augment need not compile it again."""
    return tf.function(
        functools.partial(_apply, fill_mode=fill_mode, cval=cval), jit_compile=_has_xla()
    )


def _apply(
    images: tf.Tensor, parameters: Parameters, fill_mode: FillMode, cval: float
) -> tf.Tensor:
    """See `Augment.apply`."""
    changed = tf.cast(images, tf.float32)
    if parameters.has_affine:
        affine = _affine(parameters, tf.shape(images)[1], tf.shape(images)[2])
        changed = warp(images, affine, fill_mode, cval)
    if parameters.channel_shift_intensity is not None:
        darkest = tf.reduce_min(changed, axis=(1, 2, 3), keepdims=True)
        brightest = tf.reduce_max(changed, axis=(1, 2, 3), keepdims=True)
        shift = tf.reshape(parameters.channel_shift_intensity, (-1, 1, 1, 1))
        changed = tf.clip_by_value(changed + shift, darkest, brightest)
    if parameters.brightness is not None:
        factor = tf.reshape(parameters.brightness, (-1, 1, 1, 1))
        changed = tf.floor(tf.clip_by_value(tf.floor(changed) * factor, 0.0, 255.0))
    return changed


@functools.cache
def _has_xla() -> bool:
    """Whether XLA can compile for this machine's processor; found by trying it once."""
    try:
        # In init_scope, so that it runs now even while a graph is being traced.
        with tf.init_scope(), tf.device("/CPU:0"):
            tf.function(lambda value: value + 1, jit_compile=True)(tf.constant(1.0))
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        _log.warning("Augmentation runs uncompiled and slower, since XLA is missing: %s", error)
        return False
    return True
