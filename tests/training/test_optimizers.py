import keras
import numpy as np
import pytest
import tensorflow as tf

from pawsight.training.optimizers import FusedAdam, FusedAdamW, FusedSGD, build_optimizer
from pawsight.training.step import build_train_step


@pytest.mark.parametrize(
    ("ours", "theirs", "options"),
    [
        (FusedAdam, keras.optimizers.Adam, {}),
        (FusedAdamW, keras.optimizers.AdamW, {"weight_decay": 0.1}),
        (FusedSGD, keras.optimizers.SGD, {"momentum": 0.9}),
        (FusedSGD, keras.optimizers.SGD, {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1}),
    ],
)
def test_a_fused_optimizer_goes_where_keras_own_goes(ours, theirs, options):
    random = np.random.default_rng(0)
    start = random.normal(size=(7, 3)).astype(np.float32)
    gradients = random.normal(size=(20, 7, 3)).astype(np.float32)
    ends = []
    for optimizer in (theirs(0.01, **options), ours(0.01, **options)):
        variable = keras.Variable(start)
        optimizer.build([variable])
        for gradient in gradients:
            optimizer.apply([tf.constant(gradient)], [variable])
        ends.append(variable.value.numpy())
    np.testing.assert_allclose(ends[1], ends[0], atol=2e-6)
    assert np.abs(ends[1] - start).max() > 0.01


def one_step(plan, start=2.0):
    """Kernel [1, 2] and bias [2] of one layer after a step on photos that pull nowhere."""
    layer = keras.layers.Dense(2, kernel_initializer=keras.initializers.Constant(start))
    model = keras.Sequential([keras.Input((1,)), layer])
    layer.bias.assign([start, start])
    step = build_train_step(model, build_optimizer(plan), plan)
    # Equal logits and one photo of each class: the losses' slopes cancel each other.
    step(tf.constant([[1.0], [1.0]]), tf.constant([0, 1]), tf.constant(0.5))
    return layer.kernel.numpy()[0], layer.bias.numpy()


@pytest.mark.parametrize(
    ("optimizer", "decay"),
    [("sgd", "decoupled"), ("sgd", "l2"), ("muon", "decoupled"), ("adamw", "decoupled")],
)
def test_weights_decay_and_biases_do_not(plan_of, optimizer, decay):
    plan = plan_of(
        optimizer=optimizer,
        decay=decay,
        weight_decay=0.1,
        momentum=0.0 if optimizer == "sgd" else 0.9,
        nesterov=False,
        label_smoothing=0.0,
    )
    kernel, bias = one_step(plan)
    np.testing.assert_allclose(kernel, 2.0 * (1 - 0.5 * 0.1), rtol=1e-5)
    np.testing.assert_allclose(bias, 2.0)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_float16_scales_the_loss_and_learns_the_same(plan_of, optimizer):
    ends = []
    for precision in ("float32", "float16"):
        plan = plan_of(optimizer=optimizer, precision=precision, weight_decay=0.0)
        layer = keras.layers.Dense(2, kernel_initializer="zeros")
        model = keras.Sequential([keras.Input((1,)), layer])
        step = build_train_step(model, build_optimizer(plan), plan)
        for _ in range(3):
            step(tf.constant([[1.0], [3.0]]), tf.constant([0, 1]), tf.constant(0.1))
        ends.append(layer.kernel.numpy())
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-5)
    assert np.abs(ends[0]).max() > 0.01
