import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from pawsight.config import TrainConfig
from pawsight.errors import ModelError
from pawsight.training import planning
from pawsight.training.precision import Precision
from pawsight.training.step import (
    build_train_step,
    build_validation_step,
    check_weights_fit,
    last_variables,
    losses,
    num_right,
    photo_weights,
)


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
    assert int(num_right(tf.constant([[-0.1], [0.1]]), labels)) == 2
    assert int(num_right(tf.zeros((2, 3)), labels)) == 1


def test_weights_of_another_model_are_refused():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    check_weights_fit(model, [(4, 2), (2,)])
    with pytest.raises(ModelError, match="not those of this model"):
        check_weights_fit(model, [(4, 3), (3,)])


def test_a_photo_counts_as_its_class_does_and_a_lost_one_nothing():
    labels = tf.constant([0, 1, -1, 2])
    np.testing.assert_allclose(photo_weights(labels, (0.5, 2.0, 3.0)), [0.5, 2.0, 0.0, 3.0])
    np.testing.assert_allclose(photo_weights(labels, None), [1.0, 1.0, 0.0, 1.0])


def train_step_of(model, rate, plan):
    """A step of plain gradient descent in which all layers learn."""
    optimizer = keras.optimizers.SGD(rate)
    optimizer.build(model.trainable_variables)
    return build_train_step(model, optimizer, plan, 1.0)


def _gradient_and_loss(labels, class_weights, model_name="swift"):
    """One step of plain gradient descent on a model of one layer, which gives 0 at first."""
    outputs = 1 if model_name == "colab" else 2
    layer = keras.layers.Dense(outputs, kernel_initializer="zeros", use_bias=False)
    model = keras.Sequential([keras.Input((1,)), layer])
    config = TrainConfig(model=model_name, image_size=(24, 24), epochs=1)
    plan = planning.plan(config, ("cats", "dogs"), 4, 2, Precision("float32", "for a test"))
    plan = plan.model_copy(update={"class_weights": class_weights, "label_smoothing": 0.0})
    step = train_step_of(model, 1.0, plan)
    inputs = tf.constant([[1.0], [2.0], [3.0], [4.0]])
    loss, right = step(inputs, tf.constant(labels), tf.constant(1.0))
    return layer.kernel.numpy()[0, -1], float(loss), int(right)


@pytest.mark.parametrize("model_name", ["swift", "colab"])
def test_the_loss_is_the_weighted_mean_over_the_photos_that_are_there(model_name):
    # At logits 0 each loss is ln 2, and its slope by the logit of dogs is p - y: 1/2 for cats,
    # -1/2 for dogs. Inputs 1, 2, 4 with the labels dogs, cats, dogs; photo 3 is lost.
    moved, loss, right = _gradient_and_loss([1, 0, -1, 1], (0.5, 2.0), model_name)
    assert loss == pytest.approx((2.0 + 0.5 + 2.0) / 3 * math.log(2))
    assert moved == pytest.approx((2.0 * 0.5 * 1 - 0.5 * 0.5 * 2 + 2.0 * 0.5 * 4) / 3)
    assert right == 1  # the cat, by the tie
    _, loss, _ = _gradient_and_loss([1, 0, -1, 1], None, model_name)
    assert loss == pytest.approx(math.log(2))


def test_a_batch_of_lost_photos_moves_nothing():
    assert _gradient_and_loss([-1] * 4, (0.5, 2.0)) == (0.0, 0.0, 0)


@pytest.mark.parametrize(
    ("share", "count"),
    # Of ten layers; 0.3 * 10 is a little above 3 in binary numbers.
    [(1.0, 10), (0.91, 10), (0.9, 9), (0.3, 3), (0.29, 3), (0.21, 3), (0.2, 2), (0.01, 1)],
)
def test_the_share_of_the_layers_that_learn_is_rounded_up(share, count):
    # Layers without weights do not count.
    dense = [keras.layers.Dense(2, name=f"layer{i}") for i in range(10)]
    model = keras.Sequential([keras.Input((2,)), keras.layers.ReLU(), *dense])
    wanted = [variable.path for layer in dense[10 - count :] for variable in layer.variables]
    assert [variable.path for variable in last_variables(model, share)] == wanted


def test_nothing_learns_of_a_share_of_nothing():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    assert last_variables(model, 0.0) == []


def test_loss_of_several_labels_is_the_mean_of_their_binary_cross_entropies():
    # Probabilities 3/4 and 1/4 of labels that a photo has, and has not: -ln(3/4) both; then 1/2.
    logits = tf.constant([[math.log(3), -math.log(3)], [math.log(3), 0.0]])
    found = losses(logits, tf.constant([[1, 0], [0, 1]]), 0.0)
    both = (math.log(4) + math.log(2)) / 2
    np.testing.assert_allclose(found, [math.log(4 / 3), both], rtol=1e-6)


def test_right_labels_count_as_shares_and_a_lost_photo_as_none():
    logits = tf.constant([[1.0, -1.0], [1.0, 1.0], [1.0, 1.0]])
    labels = tf.constant([[1, 0], [0, 1], [-1, -1]])
    assert float(num_right(logits, labels)) == 1.5
    np.testing.assert_array_equal(photo_weights(labels, None), [1.0, 1.0, 0.0])


@pytest.mark.parametrize("eager", [True, False])
def test_validation_sums_plain_losses_without_dropout(eager, plan_of):
    layer = keras.layers.Dense(2, kernel_initializer="ones", use_bias=False)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dropout(0.99), layer])
    layer.kernel.assign([[0.0, 0.0], [0.0, math.log(3)]])
    step = build_validation_step(model, plan_of(label_smoothing=0.5, eager=eager))
    # The logits are 0 and ln 3 times the second number: probabilities 1/4 and 3/4, or 1/2.
    loss, right, logits = step(tf.constant([[9.0, 1.0], [9.0, 0.0]]), tf.constant([1, 1]))
    assert float(loss) == pytest.approx(math.log(4 / 3) + math.log(2))
    assert right.numpy().tolist() == [True, False]
    np.testing.assert_allclose(logits, [[0, math.log(3)], [0, 0]], rtol=1e-6)


@pytest.mark.parametrize("eager", [True, False])
def test_a_step_is_the_same_compiled_and_eager(eager, plan_of):
    layer = keras.layers.Dense(2, kernel_initializer="zeros", use_bias=False)
    model = keras.Sequential([keras.Input((1,)), layer])
    plan = plan_of(label_smoothing=0.0, eager=eager)
    step = train_step_of(model, 7.0, plan)
    loss, right = step(tf.constant([[4.0]]), tf.constant([1]), tf.constant(0.5))
    assert (float(loss), int(right)) == (pytest.approx(math.log(2)), 0)
    # The rate is that of the step, not of the optimizer: 0.5 * 4 * (1 - 1/2).
    np.testing.assert_allclose(layer.kernel, [[-1.0, 1.0]])
    own = train_step_of(model, 1.0, plan.model_copy(update={"optimizer": "own"}))
    layer.kernel.assign([[0.0, 0.0]])
    own(tf.constant([[4.0]]), tf.constant([1]), tf.constant(0.5))
    np.testing.assert_allclose(layer.kernel, [[-2.0, 2.0]])


def test_a_step_updates_the_statistics_of_normalisation_and_a_validation_does_not(plan_of):
    layers = keras.layers.BatchNormalization(momentum=0.5), keras.layers.Dense(2)
    model = keras.Sequential([keras.Input((1,)), *layers])
    plan = plan_of(eager=True)
    images, labels = tf.constant([[2.0], [6.0]]), tf.constant([0, 1])
    build_validation_step(model, plan)(images, labels)
    assert layers[0].moving_mean.numpy() == [0.0]
    train_step_of(model, 1.0, plan)(images, labels, tf.constant(0.5))
    assert layers[0].moving_mean.numpy() == [2.0]  # half of 4
