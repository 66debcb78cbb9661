"""Augment training photos, in the vocabulary of Keras' ImageDataGenerator.

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
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from pawsight.config import AugmentConfig, FillMode
from pawsight.pipeline.augmentations import Parameters, affine_of, change_pixels, draw
from pawsight.pipeline.batch_part import WHOLE, BatchPart
from pawsight.pipeline.warp import Affine, compose, halved, warp

_log = logging.getLogger(__name__)


class Augment:
    """Random augmentation of batches of photos, as configured.

    `augment(images, seed)` is `augment.apply(images, augment.draw(seed, ...))`.
    It works eagerly, inside `tf.function` and inside `tf.data`.
    """

    def __init__(self, config: AugmentConfig) -> None:
        self.config = config

    def __call__(
        self,
        images: tf.Tensor,
        seed: Any,
        size: tuple[int, int] | None = None,
        strength: Any = None,
        part: BatchPart = WHOLE,
    ) -> tf.Tensor:
        """Draw parameters for a batch and apply them.

        Args:
            images: Photos, uint8 or float 0..255, shape [B, H, W, 3].
            seed: Two integers, shape [2], such as (seed of the run, step).
            size: (h, w) of the result in pixels; None keeps (H, W).
            strength: See `augmentations.draw`.
            part: The part of the whole batch that `images` is. Each photo is augmented as it
                would be in the whole batch.

        Returns:
            The augmented photos, float32 0..255, shape [B, h, w, 3].
        """
        images = tf.convert_to_tensor(images)
        static, dynamic = images.shape, tf.shape(images)
        batch_size, height, width = (
            dynamic[axis] if static[axis] is None else static[axis] for axis in range(3)
        )
        whole = batch_size * part.count
        drawn = self.draw(seed, whole, (height, width), strength)
        rows = part.of(whole)
        parameters = Parameters(*(None if value is None else value[rows] for value in drawn))
        return self.apply(images, parameters, size)

    def draw(
        self, seed: Any, batch_size: Any, image_size: tuple[Any, Any], strength: Any = None
    ) -> Parameters:
        """Draw one set of parameters per photo; see `augmentations.draw`."""
        return draw(self.config, seed, batch_size, image_size, strength)

    def apply(
        self, images: tf.Tensor, parameters: Parameters, size: tuple[int, int] | None = None
    ) -> tf.Tensor:
        """Apply to each photo its own parameters.

        In Keras' order: the affine map, the channel shift (clipped to the
        photo's darkest and brightest value), the flips, and the brightness
        (rounded down to whole numbers, as in Pillow). The grey square, which
        Keras does not have, comes last. Resizing to `size` is part of the same
        warp: the corners of the photo become the corners of the result.

        Args:
            images: Photos, uint8 or float 0..255, shape [B, H, W, 3].
            parameters: From `draw`, or made by the caller: tensors of shape [B].
            size: (h, w) of the result in pixels; None keeps (H, W).

        Returns:
            The augmented photos, float32 0..255, shape [B, h, w, 3].
        """
        if tuple(images.shape[1:3]) == size:
            size = None
        if size is None and all(value is None for value in parameters):
            return tf.cast(images, tf.float32)
        scaling = None if size is None else _Scaling(tuple(images.shape[1:3]), size)
        for _ in range(scaling.num_halvings if scaling else 0):
            # Compiled separately: XLA would fuse it into the warp, and compute it for each of the
            # four pixels that are interpolated.
            images = _compiled_halved()(images)
        return _compiled(self.config.fill_mode, self.config.cval, scaling)(images, parameters)


def resized(images: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Return photos resized as in training, without augmentation.

    Args:
        images: uint8 or float 0..255, shape [B, H, W, 3].
        size: (h, w) of the result in pixels.

    Returns:
        float32 0..255, shape [B, h, w, 3].
    """
    return Augment(AugmentConfig()).apply(images, Parameters(), size)


# Scaled down further, bilinear interpolation skips pixels, so that photos are halved first.
_MIN_BILINEAR_SCALE = 0.6


class _Scaling(NamedTuple):
    """How photos of one size are resized to another."""

    photo_size: tuple[int, int]  # (height, width) in pixels
    size: tuple[int, int]

    @property
    def num_halvings(self) -> int:
        """How often photos are halved first, so that the bilinear warp uses all their pixels."""
        reduction = min(a / b for a, b in zip(self.photo_size, self.size, strict=True))
        count = 0
        while reduction >= 1 / _MIN_BILINEAR_SCALE and min(self.photo_size) >> count >= 4:
            reduction, count = reduction / 2, count + 1
        return count

    def around(self, affine: Affine) -> Affine:
        """Convert a map within photo coordinates to a map from the result to the halved photo."""
        (height, width), (rows, columns) = self.photo_size, self.size
        down, across = height / rows, width / columns
        affine = compose(affine, (across, 0.0, across / 2 - 0.5, 0.0, down, down / 2 - 0.5))
        for _ in range(self.num_halvings):
            affine = compose((0.5, 0.0, -0.25, 0.0, 0.5, -0.25), affine)
        return affine


@functools.cache
def _compiled(
    fill_mode: FillMode, cval: float, scaling: _Scaling | None
) -> Callable[[tf.Tensor, Parameters], tf.Tensor]:
    """Return the compiled `_apply`; cached, so that it is not compiled for each Augment."""
    return tf.function(
        functools.partial(_apply, fill_mode=fill_mode, cval=cval, scaling=scaling),
        jit_compile=_has_xla(),
    )


@functools.cache
def _compiled_halved() -> Callable[[tf.Tensor], tf.Tensor]:
    return tf.function(halved, jit_compile=_has_xla())


def _apply(
    images: tf.Tensor,
    parameters: Parameters,
    fill_mode: FillMode,
    cval: float,
    scaling: _Scaling | None,
) -> tf.Tensor:
    """Apply parameters as `Augment.apply`, to photos that were halved as `scaling` requires."""
    changed = tf.cast(images, tf.float32)
    if scaling is not None:
        affine = scaling.around(affine_of(parameters, *scaling.photo_size))
        changed = warp(images, affine, fill_mode, cval, scaling.size)
    elif parameters.has_affine:
        affine = affine_of(parameters, tf.shape(images)[1], tf.shape(images)[2])
        changed = warp(images, affine, fill_mode, cval)
    return change_pixels(changed, parameters)


@functools.cache
def _has_xla() -> bool:
    """Return whether XLA can compile for this machine's processor; tried once."""
    try:
        # In init_scope, so that it runs now even while a graph is being traced.
        with tf.init_scope(), tf.device("/CPU:0"):
            tf.function(lambda value: value + 1, jit_compile=True)(tf.constant(1.0))
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        _log.warning("Augmentation runs uncompiled and slower, since XLA is missing: %s", error)
        return False
    return True
