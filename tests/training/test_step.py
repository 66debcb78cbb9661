import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from pawsight.errors import ModelError
from pawsight.training.step import check_weights_fit, losses, num_right


def test_one_logit_and_two_logits_give_one_loss():
    z = tf.constant([[-1.5], [0.0], [2.0]])
    labels = tf.constant([0, 1, 1])
    two = tf.concat([tf.zeros_like(z), z], axis=1)
    for smoothing in (0.0, 0.1):
        np.testing.assert_allclose(
            losses(z, labels, smoothing), losses(two, labels, smoothing), rtol=1e-6
        )


def test_the_loss_is_the_cross_entropy():
    # softmax([0, ln 3]) = [1/4, 3/4]
    logits = tf.constant([[0.0, math.log(3)]])
    assert float(losses(logits, tf.constant([1]), 0.0)[0]) == pytest.approx(-math.log(3 / 4))
    smooth = -(0.95 * math.log(3 / 4) + 0.05 * math.log(1 / 4))
    assert float(losses(logits, tf.constant([1]), 0.1)[0]) == pytest.approx(smooth)


def test_a_tie_goes_to_the_lower_class():
    labels = tf.constant([0, 1])
    assert int(num_right(tf.zeros((2, 1)), labels)) == 1
    assert int(num_right(tf.zeros((2, 3)), labels)) == 1


def test_weights_of_another_model_are_refused():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    check_weights_fit(model, [(4, 2), (2,)])
    with pytest.raises(ModelError, match="not those of this model"):
        check_weights_fit(model, [(4, 3), (3,)])
