"""The mean of the weights over the last part of a run, which is steadier than the last ones.

Source: arXiv:1803.05407; here the mean fades out, so that its span is a share of
the run however long that becomes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from pawsight.training.plan import Plan

# Moving the mean reads and writes every weight, which costs some percent of a small network's step.
_EVERY = 8


class AveragedWeights:
    """A running mean of all variables of a model, batch statistics included."""

    def __init__(self, model: keras.Model) -> None:
        self._current = [variable.value for variable in model.variables]
        self.average = [tf.Variable(variable, trainable=False) for variable in self._current]
        self._move = tf.function(self._moved, input_signature=(tf.TensorSpec(()),))

    def follow(self, plan: Plan, step: int) -> None:
        """Move the mean towards the weights, when `step` steps are done."""
        if step % _EVERY == 0 or step == plan.num_steps:
            since = min(step, step % _EVERY or _EVERY)
            self._move(tf.constant(plan.averaging_rate_at(step, since), tf.float32))

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """The model has the averaged weights while the block runs."""
        before = [variable.numpy() for variable in self._current]
        try:
            for variable, average in zip(self._current, self.average, strict=True):
                variable.assign(average)
            yield
        finally:
            for variable, value in zip(self._current, before, strict=True):
                variable.assign(value)

    def load(self, arrays: list[np.ndarray]) -> None:
        """Take up a mean that was saved, or begin a new one where there is none."""
        for average, value in zip(self.average, arrays or self._current, strict=True):
            average.assign(value)

    def _moved(self, rate: tf.Tensor) -> None:
        for average, variable in zip(self.average, self._current, strict=True):
            if average.dtype.is_floating:
                average.assign_add(tf.cast(rate, average.dtype) * (variable - average))
            else:  # the state of a random layer has no mean
                average.assign(variable)
