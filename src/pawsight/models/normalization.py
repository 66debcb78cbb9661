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
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs,
            tf.cast(self.gamma, tf.float32),
            tf.cast(self.beta, tf.float32),
            epsilon=self.epsilon,
            is_training=True,
        )
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + batch * (1.0 - self.momentum))
        return outputs
