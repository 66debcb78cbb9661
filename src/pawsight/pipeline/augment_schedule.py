"""Augment each batch with the image size and the strength that a schedule gives its step."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from pawsight.pipeline.augment import Augment, resized
from pawsight.pipeline.batch_part import WHOLE, BatchPart


class StepAugment(NamedTuple):
    """How the photos of one step are augmented."""

    size: int  # index into `ScheduledAugment.sizes`
    strength: float  # see `augmentations.draw`


# Called with the number of a step, before the step is trained and from another thread.
Schedule = Callable[[int], StepAugment]


class ScheduledAugment(NamedTuple):
    """Augmentation of batches by a schedule over the steps."""

    seed: int
    augment: Augment | None  # None: photos are only resized
    sizes: tuple[tuple[int, int], ...]  # (height, width) in pixels
    schedule: Schedule | None  # None: the first size, and a strength of 1
    part: BatchPart = WHOLE  # the part of the batch that the photos are

    def apply(self, images: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Augment the photos of a step, uint8 [B, H, W, 3], inside a graph."""
        if self.schedule is None:
            return self._at(images, step, self.sizes[0], None)
        # A NumPy array has one type, so both are float64.
        chosen = tf.ensure_shape(tf.numpy_function(self._scheduled, [step], tf.float64), (2,))
        strength = tf.cast(chosen[1], tf.float32)
        if len(self.sizes) == 1:
            return self._at(images, step, self.sizes[0], strength)
        branches = [
            functools.partial(self._at, images, step, size, strength) for size in self.sizes
        ]
        return tf.switch_case(tf.cast(chosen[0], tf.int32), branches)

    def apply_eagerly(self, images: tf.Tensor, step: int) -> tf.Tensor:
        """Augment the photos of a step eagerly, on the device that holds them."""
        chosen = self.schedule(step) if self.schedule else StepAugment(0, 1.0)
        strength = tf.constant(chosen.strength) if self.schedule else None
        return self._at(images, tf.constant(step, tf.int64), self.sizes[chosen.size], strength)

    def _scheduled(self, step: np.int64) -> np.ndarray:
        return np.array(self.schedule(int(step)) if self.schedule else (0, 1), np.float64)

    def _at(
        self, images: tf.Tensor, step: tf.Tensor, size: tuple[int, int], strength: Any
    ) -> tf.Tensor:
        if self.augment is None:
            return resized(images, size)
        seed = tf.stack([tf.constant(self.seed, tf.int64), step])
        return self.augment(images, seed, size, strength, self.part)
