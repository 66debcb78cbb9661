"""Optimizers whose update is one kernel per variable instead of a dozen.

The Colab network has 9.5 million weights, and on a CPU Keras' composed update
reads and writes them a dozen times a step. TensorFlow's fused kernel goes over
them once, with the same formula (arXiv:1412.6980, the efficient form that ends
its section 2) and the same slots.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from pawsight.training.muon import Muon
from pawsight.training.plan import Plan


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


def build_optimizer(plan: Plan) -> keras.optimizers.Optimizer:
    """Build the plan's optimizer; the learning rate is assigned at each step.

    In float16 small gradients would become 0: the loss is scaled up and the
    gradients down again. Source: arXiv:1710.03740.
    """
    kind = {"adam": FusedAdam, "muon": Muon}[plan.optimizer]
    optimizer = kind(plan.learning_rate)
    if plan.precision == "float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer
