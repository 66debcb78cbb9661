"""Batch normalisation as one kernel instead of a dozen.

Keras 3 composes the layer from separate operations; TensorFlow's fused kernel
does the same arithmetic in one pass forward and one backward, in bfloat16 too.
Weights, names and inference are those of Keras' own layer.
"""

from __future__ import annotations

from typing import Any

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
        mean, variance, count = self._shared_statistics(tf.stop_gradient(inputs))
        self._move(mean, variance * count / tf.maximum(count - 1, 1.0))
        kernel = {"epsilon": self.epsilon, "is_training": False}  # by the statistics it is given

        @tf.custom_gradient
        def normalised(images: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) -> Any:
            outputs = tf.raw_ops.FusedBatchNormV3(
                x=images, scale=scale, offset=offset, mean=mean, variance=variance, **kernel
            )

            def gradients(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
                found = tf.raw_ops.FusedBatchNormGradV3(
                    y_backprop=upstream,
                    x=images,
                    scale=scale,
                    reserve_space_1=mean,
                    reserve_space_2=variance,
                    reserve_space_3=tf.zeros([0]),
                    **kernel,
                )
                of_images, of_scale, of_offset, *_ = found
                # What the statistics, which depend on all images, add: arXiv:1502.03167, section 3.
                # It is linear in the images, which the kernel computes in one pass.
                slope = -scale * tf.math.rsqrt(variance + self.epsilon) / count
                sums = _sums([of_scale, of_offset])
                added = tf.raw_ops.FusedBatchNormV3(
                    x=images,
                    scale=slope * sums[0],
                    offset=slope * sums[1],
                    mean=mean,
                    variance=variance,
                    **kernel,
                )
                return of_images + added.y, of_scale, of_offset

            return outputs.y, gradients

        gamma, beta = (tf.cast(one, tf.float32) for one in (self.gamma, self.beta))
        return normalised(inputs, gamma, beta)

    def _shared_statistics(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return mean and biased variance of each channel over all processes, and their count."""
        ones = tf.ones_like(self.moving_mean)
        _, mean, unbiased = tf.compat.v1.nn.fused_batch_norm(images, ones, ones, is_training=True)
        count = tf.cast(tf.reduce_prod(tf.shape(images)[:-1]), mean.dtype)
        # Around the moving mean, since the squares of large means cancel.
        around = mean - self.moving_mean
        squares = unbiased * (count - 1) / count + around * around
        first, second, total = _sums([count * around, count * squares, count])
        shift = first / total
        variance = tf.maximum(second / total - shift * shift, 0.0)
        return self.moving_mean + shift, variance, total

    def _move(self, mean: tf.Tensor, variance: tf.Tensor) -> None:
        """Move the averages for inference towards the statistics of a batch."""
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + batch * (1.0 - self.momentum))


def _sums(tensors: list[tf.Tensor]) -> list[tf.Tensor]:
    """Return the sums of tensors over all processes of a `tf.distribute` step."""
    context = tf.distribute.get_replica_context()
    return list(context.all_reduce(tf.distribute.ReduceOp.SUM, tensors))
