"""Optimizers whose update is one kernel per variable instead of a dozen.

The Colab network has 9.5 million weights, and on a CPU Keras' composed update
reads and writes them a dozen times a step. TensorFlow's fused kernel passes over
them once, with the same formula (arXiv:1412.6980, the efficient form that ends
its section 2) and the same slots.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from pawsight.training.muon import Muon
from pawsight.training.plan import Plan

_MIN_BIAS = 0.05  # biases begin near 0, whatever they may become


class FusedAdam(keras.optimizers.Adam):
    """`keras.optimizers.Adam` (without `amsgrad`) whose update is TensorFlow's fused kernel."""

    def build(self, variables: list[keras.Variable]) -> None:
        """Create the slots; variables may start at different steps, so each has a count."""
        if self.built:
            return
        super().build(variables)
        self._steps = [
            self.add_variable(shape=(), dtype="float32", name="steps") for _ in variables
        ]

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Update one variable in place; gradient and variable have one shape."""
        index = self._get_variable_index(variable)
        step = self._steps[index] + 1
        self._steps[index].assign(step)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(self.beta_1, step),
            beta2_power=tf.pow(self.beta_2, step),
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, tf.float32),
        )


class ScaledAdam(FusedAdam):
    """Adam with a rate for each variable, in proportion to the weights it begins with.

    Where batch normalisation is folded into convolutions, some kernels are a hundred times as
    large as others: one rate for all would destroy the small ones or leave the large ones as they
    are. A step of learning rate r changes each kernel by about the share r.
    Source: "relative step size" of arXiv:1804.04235, without its adaptation to the course.
    """

    def build(self, variables: list[keras.Variable]) -> None:
        """Create the slots; the scales are among them, so that a checkpoint holds them."""
        if self.built:
            return
        super().build(variables)
        self._scales = []
        for variable in variables:
            values = np.asarray(variable.value, np.float64)
            least = _MIN_BIAS if values.ndim < 2 else 0.0
            scale = max(least, float(np.sqrt(np.mean(values**2))))
            self._scales.append(
                self.add_variable((), keras.initializers.Constant(scale), "float32", name="scale")
            )

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Update one variable in place; gradient and variable have one shape."""
        scale = self._scales[self._get_variable_index(variable)]
        super().update_step(gradient, variable, tf.cast(learning_rate, tf.float32) * scale)


def build_optimizer(plan: Plan) -> keras.optimizers.Optimizer:
    """Build the plan's optimizer; the learning rate is assigned at each step.

    In float16 small gradients would become 0: the loss is scaled up and the
    gradients down again. Source: arXiv:1710.03740.
    """
    kind = {"adam": FusedAdam, "scaled_adam": ScaledAdam, "muon": Muon}[plan.optimizer]
    optimizer = kind(plan.learning_rate)
    if plan.precision == "float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer
