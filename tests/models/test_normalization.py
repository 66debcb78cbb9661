import keras
import numpy as np

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
