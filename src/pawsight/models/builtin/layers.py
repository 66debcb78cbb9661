"""Keras layers with gradients that are fast in bfloat16 on a CPU.

TensorFlow has no vectorised bfloat16 code for the gradients of a depthwise
convolution and of ReLU6, which take longer than the rest of a training step. The
gradient of a stride-1 depthwise convolution with respect to its images is a
depthwise convolution with the reversed kernel, which is vectorised; the gradient
of ReLU6 is written as a selection. Measurements: benchmarks/auto/results.md.
"""

from __future__ import annotations

import tensorflow as tf
from keras import layers


class FrozenDepthwiseConv2D(layers.DepthwiseConv2D):
    """A depthwise convolution whose kernel and bias are not trained.

    These are few of a network's weights, but their gradients take a third of a step.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Convolve images [B, H, W, C]."""
        images = tf.convert_to_tensor(inputs)
        kernel, bias = (
            tf.cast(tf.convert_to_tensor(variable), images.dtype)
            for variable in (self.kernel, self.bias)
        )
        strides = (1, *self.strides, 1)
        padding = self.padding.upper()

        @tf.custom_gradient
        def convolved(images: tf.Tensor) -> tuple[tf.Tensor, object]:
            def gradient(upstream: tf.Tensor) -> tf.Tensor:
                if self.strides == (1, 1) and padding == "SAME":
                    mirrored = tf.reverse(kernel, [0, 1])
                    return tf.nn.depthwise_conv2d(upstream, mirrored, strides, padding)
                upsampled = tf.nn.depthwise_conv2d_backprop_input(
                    tf.shape(images),
                    tf.cast(kernel, tf.float32),
                    tf.cast(upstream, tf.float32),
                    strides,
                    padding,
                )
                return tf.cast(upsampled, images.dtype)

            return tf.nn.depthwise_conv2d(images, kernel, strides, padding), gradient

        return tf.nn.bias_add(convolved(images), bias)


class FastReLU6(layers.ReLU):
    """`keras.layers.ReLU(6)` whose gradient is one pass over the outputs."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Clip to 0..6."""
        return _relu6(tf.convert_to_tensor(inputs))


@tf.custom_gradient
def _relu6(inputs: tf.Tensor) -> tuple[tf.Tensor, object]:
    outputs = tf.nn.relu6(inputs)

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        is_open = (outputs > 0) & (outputs < 6)
        return tf.where(is_open, upstream, tf.zeros_like(upstream))

    return outputs, gradient
