"""Adam with TensorFlow's fused kernel.

The Colab network has 9.5 million weights, which Keras' composed update reads and
writes a dozen times per step on a CPU. The fused kernel passes over them once, with the
same formula (arXiv:1412.6980, the efficient form at the end of section 2) and the
same slots.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from pawsight.training.muon import Muon
from pawsight.training.plan import Plan

_MIN_BIAS_SCALE = 0.05  # biases are initialised near 0


class FusedAdam(keras.optimizers.Adam):
    """`keras.optimizers.Adam` (without `amsgrad`) whose update is TensorFlow's fused kernel."""

    def build(self, variables: list[keras.Variable]) -> None:
        """Create the slots, with a count for each variable, as layers are unfrozen at any step."""
        if self.built:
            return
        super().build(variables)
        self._steps = [
            self.add_variable(shape=(), dtype="float32", name="steps") for _ in variables
        ]

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Update one variable in place by a gradient of the same shape."""
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
    """Adam with a learning rate for each variable, in proportion to its initial root mean square.

    Where batch normalisation is folded into convolutions, the weights of some kernels are a hundred
    times as large as those of others, so that no single learning rate suits all. Here, a step of
    learning rate r changes each kernel by about the share r.
    Source: "relative step size" of arXiv:1804.04235, which also adapts it during training.
    """

    def build(self, variables: list[keras.Variable]) -> None:
        """Create the slots; the scales are slots, too, so that checkpoints contain them."""
        if self.built:
            return
        super().build(variables)
        self._scales = []
        for variable in variables:
            values = np.asarray(variable.value, np.float64)
            min_scale = _MIN_BIAS_SCALE if values.ndim < 2 else 0.0
            scale = max(min_scale, float(np.sqrt(np.mean(values**2))))
            self._scales.append(
                self.add_variable((), keras.initializers.Constant(scale), "float32", name="scale")
            )

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Update one variable in place by a gradient of the same shape."""
        scale = self._scales[self._get_variable_index(variable)]
        super().update_step(gradient, variable, tf.cast(learning_rate, tf.float32) * scale)


def build_optimizer(plan: Plan) -> keras.optimizers.Optimizer:
    """Build the plan's optimizer; the training step assigns the learning rate.

    In float16, small gradients would become 0, so the loss is scaled.
    Source: arXiv:1710.03740.
    """
    kind = {"adam": FusedAdam, "scaled_adam": ScaledAdam, "muon": Muon}[plan.optimizer]
    optimizer = kind(plan.learning_rate)
    if plan.precision == "float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer
