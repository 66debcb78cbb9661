"""Optimizers whose update is one kernel a variable instead of a dozen.

The Colab network has 9.5 million weights, and on a CPU Keras' composed update
reads and writes them a dozen times a step. TensorFlow's fused kernels go over
them once, with the same formula (for Adam: arXiv:1412.6980, the efficient form
that ends its section 2) and the same slots.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from pawsight.training.muon import Muon
from pawsight.training.plan import Plan


class _FusedAdamUpdate:
    """The update of Keras' Adam and AdamW (without `amsgrad`) as TensorFlow's fused kernel."""

    def update_step(
        self: keras.optimizers.Adam,
        gradient: tf.Tensor,
        variable: tf.Variable,
        learning_rate: tf.Tensor,
    ) -> None:
        """Update one variable in place; gradient and variable have one shape."""
        step = tf.cast(self.iterations + 1, tf.float32)
        index = self._get_variable_index(variable)
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


class FusedAdam(_FusedAdamUpdate, keras.optimizers.Adam):
    """`keras.optimizers.Adam` in one kernel."""


class FusedAdamW(_FusedAdamUpdate, keras.optimizers.AdamW):
    """`keras.optimizers.AdamW` in one kernel, after the decay."""


class FusedSGD(keras.optimizers.SGD):
    """`keras.optimizers.SGD` with momentum above 0 in one kernel."""

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Update one variable in place; gradient and variable have one shape."""
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=self.momentums[self._get_variable_index(variable)].value.handle,
            lr=tf.cast(learning_rate, tf.float32),
            grad=tf.cast(gradient, tf.float32),
            momentum=self.momentum,
            use_nesterov=self.nesterov,
        )


def build_optimizer(plan: Plan) -> keras.optimizers.Optimizer:
    """Build the plan's optimizer; the learning rate is set anew at each step.

    In float16 small gradients would become 0: the loss is scaled up and the
    gradients down again. Source: arXiv:1710.03740.
    """
    decay = plan.weight_decay if plan.decay == "decoupled" and plan.weight_decay else None
    rate = plan.learning_rate
    optimizer: keras.optimizers.Optimizer
    if plan.optimizer == "sgd":
        kind = FusedSGD if plan.momentum else keras.optimizers.SGD
        optimizer = kind(rate, momentum=plan.momentum, nesterov=plan.nesterov, weight_decay=decay)
    elif plan.optimizer == "muon":
        optimizer = Muon(rate, plan.momentum, weight_decay=decay)
    elif plan.optimizer == "adamw":
        optimizer = FusedAdamW(rate, weight_decay=decay or 0.0)
    else:
        optimizer = FusedAdam(rate, weight_decay=decay)
    if plan.precision == "float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def decays(variable: keras.Variable) -> bool:
    """Whether weight decay applies: to kernels, not to biases and scales, which have one axis."""
    return len(variable.shape) > 1
