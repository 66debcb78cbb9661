import keras
import numpy as np
import pytest

from pawsight.training.averaging import AveragedWeights


@pytest.fixture
def model():
    return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])


def follow(averaged, model, plan, values):
    for step, value in enumerate(values, 1):
        model.layers[0].kernel.assign([[value]])
        averaged.follow(plan, step)


def test_at_first_it_is_the_plain_mean_of_the_weights_looked_at(model, plan_of):
    averaged = AveragedWeights(model)
    # Each eighth step is looked at: 8, 16 and 24.
    follow(averaged, model, plan_of(1000, ema=0.5), range(1, 25))
    assert averaged.average[0].numpy() == pytest.approx((8 + 16 + 24) / 3)


def test_later_it_forgets_what_is_longer_ago_than_its_share_of_the_run(model, plan_of):
    averaged = AveragedWeights(model)
    follow(averaged, model, plan_of(400, ema=0.1), [0.0] * 200 + [1.0] * 200)
    # 25 looks at 1, each of which moves the mean by a fifth: 8 of 400 steps, of a tenth.
    assert averaged.average[0].numpy() == pytest.approx(1 - 0.8**25)


def test_the_last_step_is_always_looked_at(model, plan_of):
    averaged = AveragedWeights(model)
    follow(averaged, model, plan_of(10, ema=0.01), range(1, 11))
    assert averaged.average[0].numpy() == pytest.approx(10.0)


def test_the_model_has_them_for_a_while_and_its_own_ones_back(model, plan_of):
    averaged = AveragedWeights(model)
    follow(averaged, model, plan_of(8, ema=0.5), [3.0] * 8)
    model.layers[0].kernel.assign([[7.0]])
    with averaged.in_place():
        assert model.get_weights()[0] == pytest.approx(3.0)
    assert model.get_weights()[0] == 7.0


def test_what_was_saved_is_taken_up_again_and_nothing_begins_anew(model):
    averaged = AveragedWeights(model)
    averaged.load([np.array([[5.0]], np.float32)])
    assert averaged.average[0].numpy() == 5.0
    model.layers[0].kernel.assign([[2.0]])
    averaged.load([])
    assert averaged.average[0].numpy() == 2.0
