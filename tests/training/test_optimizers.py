import keras
import numpy as np
import tensorflow as tf

from pawsight.training.optimizers import FusedAdam


def test_fused_adam_goes_where_keras_adam_goes():
    random = np.random.default_rng(0)
    start = random.normal(size=(7, 3)).astype(np.float32)
    gradients = random.normal(size=(20, 7, 3)).astype(np.float32)
    ends = []
    for optimizer in (keras.optimizers.Adam(0.01), FusedAdam(0.01)):
        variable = keras.Variable(start)
        optimizer.build([variable])
        for gradient in gradients:
            optimizer.apply([tf.constant(gradient)], [variable])
        ends.append(variable.value.numpy())
    np.testing.assert_allclose(ends[1], ends[0], atol=2e-6)
    assert np.abs(ends[1] - start).max() > 0.01
