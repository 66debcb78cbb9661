import keras
import numpy as np
import pytest
import tensorflow as tf

from pawsight.training.muon import Muon
from pawsight.training.optimizers import FusedAdam, ScaledAdam, build_optimizer
from pawsight.training.step import build_train_step


def test_the_fused_adam_goes_where_keras_own_goes():
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


@pytest.mark.parametrize("optimizer", ["muon", "adam"])
def test_float16_scales_the_loss_and_learns_the_same(plan_of, optimizer):
    ends = []
    for precision in ("float32", "float16"):
        plan = plan_of(optimizer=optimizer, precision=precision)
        layer = keras.layers.Dense(2, kernel_initializer="zeros")
        model = keras.Sequential([keras.Input((1,)), layer])
        built = build_optimizer(plan)
        built.build(model.trainable_variables)
        step = build_train_step(model, built, plan, 1.0)
        for _ in range(3):
            step(tf.constant([[1.0], [3.0]]), tf.constant([0, 1]), tf.constant(0.1))
        ends.append(layer.kernel.numpy())
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-5)
    assert np.abs(ends[0]).max() > 0.01


def test_a_variable_that_begins_to_learn_later_takes_a_first_step_of_the_usual_length():
    early, late = keras.Variable([1.0]), keras.Variable([1.0])
    optimizer = FusedAdam(0.01)
    optimizer.build([early, late])
    for _ in range(20):
        optimizer.apply([tf.constant([0.5])], [early])
    optimizer.apply([tf.constant([0.5])], [late])
    # Adam's first step has the length of the rate, whatever the gradient's.
    np.testing.assert_allclose(late.value.numpy(), [0.99], atol=1e-6)


def test_scaled_adam_changes_each_kernel_by_the_same_share_of_itself():
    start = np.array([[3.0, 4.0], [3.0, 4.0]], np.float32)  # the root of its mean square is 3.5355
    kernels = [keras.Variable(start), keras.Variable(start / 100)]
    bias = keras.Variable(np.zeros(2, np.float32))
    optimizer = ScaledAdam(0.01)
    optimizer.build([*kernels, bias])
    gradient = tf.constant([[1.0, -2.0], [0.5, 3.0]])
    optimizer.apply([gradient, 7 * gradient, gradient[0]], [*kernels, bias])
    # Adam's first step has the length of the rate, with the gradient's opposite sign.
    signs = np.sign(gradient.numpy())
    for kernel, scale in zip(kernels, (1.0, 0.01), strict=True):
        expected = scale * (start - 0.035355 * signs)
        np.testing.assert_allclose(kernel.value.numpy(), expected, rtol=1e-4)
    np.testing.assert_allclose(bias.value.numpy(), [-0.0005, 0.0005], rtol=1e-3)  # of at least 0.05


def test_biases_step_as_if_they_were_at_least_a_twentieth():
    small, zero, bias = (
        keras.Variable(np.full(shape, value, np.float32))
        for shape, value in (((2, 2), 0.001), ((2, 2), 0.0), ((3,), 0.001))
    )
    optimizer = ScaledAdam(1.0)
    optimizer.build([small, zero, bias])
    scales = [float(scale) for scale in optimizer._scales]
    assert scales == pytest.approx([0.001, 0.0, 0.05])


def test_losses_are_scaled_in_float16_alone(plan_of):
    for name, kind in (("adam", FusedAdam), ("scaled_adam", ScaledAdam), ("muon", Muon)):
        plan = plan_of(optimizer=name, precision="float32", learning_rate=0.25)
        found = build_optimizer(plan)
        assert type(found) is kind
        assert float(found.learning_rate) == 0.25
    scaled = build_optimizer(plan_of(precision="float16", learning_rate=0.25))
    assert isinstance(scaled, keras.optimizers.LossScaleOptimizer)
    assert isinstance(scaled.inner_optimizer, Muon)
