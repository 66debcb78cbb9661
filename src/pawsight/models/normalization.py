"""Batch normalisation by TensorFlow's fused kernel.

Keras 3 composes the layer from a dozen operations; the fused kernel computes the
same in one pass forward and one backward, also in bfloat16. The weights, their
names and inference are the same as in Keras' layer.
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
        """Normalise images [B, H, W, C]; with `training`, by the statistics of the batch."""
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
        """Normalise by the statistics over all processes of a `tf.distribute` step."""
        mean, variance, count = self._shared_statistics(tf.stop_gradient(inputs))
        self._move(mean, variance * count / tf.maximum(count - 1, 1.0))
        # Not in training mode, so that the kernel uses these statistics.
        kernel = {"epsilon": self.epsilon, "is_training": False}

        @tf.custom_gradient
        def normalised(images: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) -> Any:
            outputs = tf.raw_ops.FusedBatchNormV3(
                x=images, scale=scale, offset=offset, mean=mean, variance=variance, **kernel
            )

            def gradients(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
                kernel_gradients = tf.raw_ops.FusedBatchNormGradV3(
                    y_backprop=upstream,
                    x=images,
                    scale=scale,
                    reserve_space_1=mean,
                    reserve_space_2=variance,
                    reserve_space_3=tf.zeros([0]),
                    **kernel,
                )
                images_gradient, scale_gradient, offset_gradient, *_ = kernel_gradients
                # The gradient through mean and variance, which depend on all images: see
                # arXiv:1502.03167, section 3. It is linear in the images, so that the same kernel
                # computes it in one pass.
                slope = -scale * tf.math.rsqrt(variance + self.epsilon) / count
                sums = _sums([scale_gradient, offset_gradient])
                through_statistics = tf.raw_ops.FusedBatchNormV3(
                    x=images,
                    scale=slope * sums[0],
                    offset=slope * sums[1],
                    mean=mean,
                    variance=variance,
                    **kernel,
                )
                return images_gradient + through_statistics.y, scale_gradient, offset_gradient

            return outputs.y, gradients

        return normalised(inputs, tf.cast(self.gamma, tf.float32), tf.cast(self.beta, tf.float32))

    def _shared_statistics(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return mean and biased variance [C] and the count of values over all processes."""
        ones = tf.ones_like(self.moving_mean)
        _, mean, unbiased = tf.compat.v1.nn.fused_batch_norm(images, ones, ones, is_training=True)
        count = tf.cast(tf.reduce_prod(tf.shape(images)[:-1]), mean.dtype)
        # Moments around the moving mean: those around 0 would lose digits where means are large.
        deviation = mean - self.moving_mean
        square = unbiased * (count - 1) / count + deviation * deviation
        first, second, total = _sums([count * deviation, count * square, count])
        shift = first / total
        variance = tf.maximum(second / total - shift * shift, 0.0)
        return self.moving_mean + shift, variance, total

    def _move(self, mean: tf.Tensor, variance: tf.Tensor) -> None:
        """Update the moving averages with the statistics of a batch."""
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + batch * (1.0 - self.momentum))


def _sums(tensors: list[tf.Tensor]) -> list[tf.Tensor]:
    """Return the sums of tensors over all processes of a `tf.distribute` step."""
    context = tf.distribute.get_replica_context()
    return list(context.all_reduce(tf.distribute.ReduceOp.SUM, tensors))
