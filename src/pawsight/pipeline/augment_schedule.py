"""What a step wants of its photos: their size, and how strongly they are changed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from pawsight.pipeline.augment import Augment, resized


class Look(NamedTuple):
    """How the photos of one step are to look."""

    size: int  # which of the sizes
    strength: float  # how strongly they are changed, see `Augment.draw`


# From a step to the look of its photos. It is asked ahead of the step, from another thread.
LookAt = Callable[[int], Look]


class Changes(NamedTuple):
    """What happens to the photos of a batch between reading and training."""

    seed: int
    augment: Augment | None
    sizes: tuple[tuple[int, int], ...]
    look_at: LookAt | None

    def apply(self, images: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Change photos uint8 [B, H, W, 3] as a step wants them, inside a graph."""
        if self.look_at is None:
            return self._at(images, step, self.sizes[0], None)
        # NumPy knows no tuple of two types, so both come as float64.
        look = tf.ensure_shape(tf.numpy_function(self._asked, [step], tf.float64), (2,))
        strength = tf.cast(look[1], tf.float32)
        if len(self.sizes) == 1:
            return self._at(images, step, self.sizes[0], strength)
        branches = [
            functools.partial(self._at, images, step, size, strength) for size in self.sizes
        ]
        return tf.switch_case(tf.cast(look[0], tf.int32), branches)

    def now(self, images: tf.Tensor, step: int) -> tf.Tensor:
        """The same, at once, on whatever device the photos are."""
        look = self.look_at(step) if self.look_at else Look(0, 1.0)
        strength = tf.constant(look.strength) if self.look_at else None
        return self._at(images, tf.constant(step, tf.int64), self.sizes[look.size], strength)

    def _asked(self, step: np.int64) -> np.ndarray:
        return np.array(self.look_at(int(step)) if self.look_at else (0, 1), np.float64)

    def _at(
        self, images: tf.Tensor, step: tf.Tensor, size: tuple[int, int], strength: Any
    ) -> tf.Tensor:
        if self.augment is None:
            return resized(images, size)
        seed = tf.stack([tf.constant(self.seed, tf.int64), step])
        return self.augment(images, seed, size, strength)
