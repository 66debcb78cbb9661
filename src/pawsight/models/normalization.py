"""Batch normalisation as one kernel instead of a dozen.

Keras 3 composes the layer from separate operations; TensorFlow's fused kernel
does the same arithmetic in one pass forward and one backward, in bfloat16 too.
Weights, names and inference are those of Keras' own layer.
"""

from __future__ import annotations

import tensorflow as tf
from keras import layers


class FusedBatchNormalization(layers.BatchNormalization):
    """`keras.layers.BatchNormalization` over the last axis of images, trained by the fused kernel.

    The moving variance is updated with the unbiased batch variance, as the
    kernel reports it; Keras' own layer uses the biased one. They differ by the
    factor n / (n - 1) with n = batch * height * width.
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None, mask: None = None) -> tf.Tensor:
        """Normalise images [B, H, W, C]; with `training`, by the batch's own statistics."""
        if not training:
            return super().call(inputs, training=False)
        if self.synchronized:
            return self._synchronized(inputs)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs,
            tf.cast(self.gamma, tf.float32),
            tf.cast(self.beta, tf.float32),
            epsilon=self.epsilon,
            is_training=True,
        )
        self._move(mean, variance)
        return outputs

    def _synchronized(self, inputs: tf.Tensor) -> tf.Tensor:
        """Normalise by the statistics of the images of all processes of a `tf.distribute` step."""
        # Sums of squares around the moving mean, since those around 0 cancel.
        values = tf.cast(inputs, self.moving_mean.dtype)
        around = values - self.moving_mean
        count = tf.cast(tf.reduce_prod(tf.shape(values)[:-1]), values.dtype)
        sums = [tf.reduce_sum(one, axis=(0, 1, 2)) for one in (around, around * around)]
        context = tf.distribute.get_replica_context()
        first, second, count = context.all_reduce(tf.distribute.ReduceOp.SUM, [*sums, count])
        mean, variance = first / count, tf.maximum(second / count - (first / count) ** 2, 0.0)
        outputs = tf.nn.batch_normalization(
            around, mean, variance, self.beta.value, self.gamma.value, self.epsilon
        )
        self._move(self.moving_mean + mean, variance * count / tf.maximum(count - 1, 1.0))
        return tf.cast(outputs, inputs.dtype)

    def _move(self, mean: tf.Tensor, variance: tf.Tensor) -> None:
        """Move the averages for inference towards the statistics of a batch."""
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + batch * (1.0 - self.momentum))
