"""What a trained network could be besides its final weights, and which was kept."""

import dataclasses

import numpy as np
import pytest

from pawsight.history import Epoch, save_history
from pawsight.runs import Run
from pawsight.training.candidates import average, candidates, describe_kept, kept_size
from pawsight.training.plan import save_plan

INITIAL = [np.array([1.0, 3.0], np.float32), np.array([7])]
FINAL = [np.array([2.0, 5.0], np.float32), np.array([9])]


def test_floats_are_averaged_and_counters_are_the_final_ones():
    floats, counter = average(INITIAL, FINAL)
    assert (floats.tolist(), floats.dtype) == ([1.5, 4.0], np.float32)
    assert counter is FINAL[1]
    (half,) = average([np.array([1.0], np.float16)], [np.array([2.0], np.float16)])
    assert (half.tolist(), half.dtype) == ([1.5], np.float16)


def test_final_weights_come_at_smaller_images_and_the_average_at_each_size(plan_of):
    plan = plan_of(8, finished_sizes=((64, 64), (96, 96)))
    found = list(candidates(plan, INITIAL, FINAL))
    assert [(one.image_size, one.is_average) for one in found] == [
        *(((64, 64), False), ((96, 96), False)),
        *(((128, 128), True), ((64, 64), True), ((96, 96), True)),
    ]
    assert found[0].weights is FINAL
    assert found[2].weights[0].tolist() == [1.5, 4.0]
    assert len(list(candidates(plan, None, FINAL))) == 2
    assert list(candidates(plan_of(8), None, FINAL)) == []


def row(**fields):
    values = {
        "epoch": 12.8,
        "step": 9,
        "seconds": 1.0,
        "images_per_second": 1.0,
        "learning_rate": 0.1,
        "train_loss": 0.5,
        "train_accuracy": 0.5,
        "validation_loss": 0.1234,
        "validation_accuracy": 0.9,
        "is_best": True,
    }
    return Epoch(**(values | fields))


@pytest.mark.parametrize(
    ("best", "words"),
    [
        ({"step": 0}, "Fine-tuning did not improve validation; keeping the initial weights."),
        (
            {},
            "Keeping the network after epoch 12.8 of 20, the best on the validation photos at full "
            "size: accuracy 90.0 %, log loss 0.123.",
        ),
        (
            {"validation_balanced_accuracy": 0.8},
            "Keeping the network after epoch 12.8 of 20, the best on the validation photos at full "
            "size: balanced accuracy 80.0 %, accuracy 90.0 %, log loss 0.123.",
        ),
        (
            {"is_average": True, "is_smaller": True, "validation_scale": 0.5},
            "Keeping the average of the initial and the final weights, the best on the validation "
            "photos with images of 48 x 64 pixels: accuracy 90.0 %, log loss 0.123.",
        ),
    ],
)
def test_which_weights_were_kept_is_described(plan_of, best, words):
    last = row(epoch=20, is_best=False)
    assert describe_kept([row(**best), last], plan_of(8, image_size=(128, 96))) == words


def test_the_size_of_the_best_row_is_kept(plan_of, tmp_path):
    run = Run(tmp_path)
    save_plan(run, plan_of(8))
    smaller = row(is_smaller=True, validation_scale=0.75, validation_accuracy=0.95)
    save_history([row(), dataclasses.replace(smaller, is_best=False)], run.history_path)
    assert kept_size(run) == (96, 96)
