import keras
import numpy as np
import tensorflow as tf

from pawsight.models.normalization import FusedBatchNormalization


def _both():
    images = np.random.default_rng(0).normal(3, 2, (4, 5, 6, 8)).astype(np.float32)
    layers = keras.layers.BatchNormalization(momentum=0.5), FusedBatchNormalization(momentum=0.5)
    for layer in layers:
        layer.build(images.shape)
        layer.gamma.assign(np.linspace(0.5, 2, 8))
        layer.beta.assign(np.linspace(-1, 1, 8))
    return images, *layers


def test_training_gives_what_keras_own_layer_gives():
    images, keras_layer, fused = _both()
    np.testing.assert_allclose(
        fused(images, training=True), keras_layer(images, training=True), atol=2e-5
    )


def test_moving_averages_follow_the_mean_and_the_unbiased_variance_of_the_batch():
    images, _, fused = _both()
    fused(images, training=True)
    # Half of the start (0 and 1) and half of the batch: 4 * 5 * 6 = 120 values a channel.
    np.testing.assert_allclose(fused.moving_mean, images.mean((0, 1, 2)) / 2, rtol=1e-5)
    variance = images.var((0, 1, 2)) * 120 / 119
    np.testing.assert_allclose(fused.moving_variance, 0.5 + variance / 2, rtol=1e-5)


def test_inference_uses_the_moving_averages_and_leaves_them():
    images, keras_layer, fused = _both()
    np.testing.assert_allclose(
        fused(images, training=False), keras_layer(images, training=False), atol=1e-6
    )
    np.testing.assert_array_equal(fused.moving_mean, np.zeros(8))


def trained(layer, images, weights):
    """The outputs in training, and the gradients of a loss by the images, scales and offsets."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = layer(images, training=True)
        loss = tf.reduce_sum(outputs * outputs * weights)
    return [outputs, *tape.gradient(loss, [images, layer.gamma, layer.beta])]


def test_statistics_of_all_processes_give_what_those_of_one_give_where_there_is_one():
    images, keras_layer, _ = _both()
    layer = FusedBatchNormalization(momentum=0.5, synchronized=True)
    layer.build(images.shape)
    layer.gamma.assign(keras_layer.gamma)
    layer.beta.assign(keras_layer.beta)
    layer.moving_mean.assign(np.linspace(-2, 2, 8))
    layer.moving_variance.assign(np.linspace(1, 3, 8))
    weights = np.random.default_rng(1).normal(size=images.shape).astype(np.float32)
    images = tf.constant(images)
    for ours, theirs in zip(
        trained(layer, images, weights), trained(keras_layer, images, weights), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-3)
    mean, variance = np.mean(images, (0, 1, 2)), np.var(images, (0, 1, 2)) * 120 / 119
    np.testing.assert_allclose(
        layer.moving_mean, (np.linspace(-2, 2, 8) + mean) / 2, rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        layer.moving_variance, (np.linspace(1, 3, 8) + variance) / 2, rtol=1e-4
    )


def test_a_batch_of_one_pixel_has_no_variance():
    layer = FusedBatchNormalization(momentum=0.5, synchronized=True)
    images = np.full((1, 1, 1, 8), 5, np.float32)
    layer.build(images.shape)
    assert np.isfinite(layer(images, training=True)).all()
    np.testing.assert_allclose(layer.moving_variance, np.full(8, 0.5), atol=1e-6)
