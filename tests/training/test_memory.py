"""The memory that training needs is estimated before it starts, and batches are made to fit."""

import pytest
import tensorflow as tf

from pawsight import machine
from pawsight.errors import TrainingError
from pawsight.training import memory

from .squares import trainer_of


@pytest.fixture(scope="module")
def model():
    return trainer_of("colab").learner.model


def _with(monkeypatch, num_bytes):
    monkeypatch.setattr(machine, "memory", lambda: num_bytes)


def test_what_a_photo_needs_is_counted_from_the_network(plan_of):
    inputs = tf.keras.Input((16, 16, 3))
    network = tf.keras.Model(inputs, tf.keras.layers.Conv2D(5, 1, use_bias=False)(inputs))
    plan = plan_of(image_size=(16, 16), precision="float32")
    # One convolution: 16 x 16 x 5 numbers of 4 bytes.
    assert memory.photo_bytes(network, plan) == 5120
    assert memory.photo_bytes(network, plan.model_copy(update={"precision": "bfloat16"})) == 2560


def test_a_batch_is_halved_until_it_fits_three_quarters_of_the_memory(model, plan_of, monkeypatch):
    plan = plan_of(batch_size=64)
    base = memory.needed_bytes(model, plan, 0.0)
    assert memory.needed_bytes(model, plan, 1e6) == base + 64e6
    _with(monkeypatch, (base + 64e6) / 0.75)
    assert memory.fitting_batch_size(model, plan, 1e6, is_chosen=False) == 64
    _with(monkeypatch, (base + 20e6) / 0.75)
    assert memory.fitting_batch_size(model, plan, 1e6, is_chosen=False) == 16
    _with(monkeypatch, None)
    assert memory.fitting_batch_size(model, plan, 1e6, is_chosen=False) == 64


def test_a_batch_that_was_chosen_is_kept_or_refused(model, plan_of, monkeypatch):
    plan = plan_of(batch_size=64, image_size=(128, 96))
    _with(monkeypatch, 3e9)
    assert memory.fitting_batch_size(model, plan, 40e6, is_chosen=True) == 64
    _with(monkeypatch, 1e9)
    with pytest.raises(
        TrainingError,
        match=r"(?s)needs about \d\.\d GB of memory for 96 x 128 pixels in batches of 64, but "
        r"this machine has 1\.0 GB\.\nGive a smaller --batch-size or --image-size",
    ):
        memory.fitting_batch_size(model, plan, 40e6, is_chosen=True)


def test_photos_too_large_for_any_batch_are_refused(model, plan_of, monkeypatch):
    _with(monkeypatch, 1e9)
    with pytest.raises(
        TrainingError, match=r"in batches of 1, but .*\nGive a smaller --image-size"
    ):
        memory.fitting_batch_size(model, plan_of(batch_size=64), 4e9, is_chosen=False)


def test_memory_that_runs_out_in_a_step_is_an_error_for_people(plan_of):
    expected = r"(?s)not enough memory for batches of 64.*--batch"
    with pytest.raises(TrainingError, match=expected), memory.memory_errors(plan_of()):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")


class _Counted:
    """A model of a million parameters."""

    def count_params(self):
        return 1_000_000


@pytest.mark.parametrize(
    ("there", "is_chosen", "found"),
    [
        # 900 MB for the program, 32 for eight copies of the weights, and 64 photos of 10 MB.
        ((900e6 + 32e6 + 640e6) / 0.75, False, 64),
        ((900e6 + 32e6 + 640e6) / 0.75 - 2, False, 32),
        ((900e6 + 32e6 + 80e6) / 0.75, False, 8),
        ((900e6 + 32e6 + 640e6) / 1.5, True, 64),
        ((900e6 + 32e6 + 640e6) / 1.5 - 2, True, None),
        ((900e6 + 32e6 + 10e6) / 1.5, False, 1),  # one photo is planned beyond three quarters
        ((900e6 + 32e6 + 10e6) / 1.5 - 2, False, None),
    ],
)
def test_memory_is_planned_to_three_quarters_and_refused_beyond_one_and_a_half(
    plan_of, monkeypatch, there, is_chosen, found
):
    plan, model = plan_of(batch_size=64), _Counted()
    assert memory.needed_bytes(model, plan, 10e6) == 900e6 + 32e6 + 640e6
    _with(monkeypatch, there)
    if found is None:
        with pytest.raises(TrainingError):
            memory.fitting_batch_size(model, plan, 10e6, is_chosen)
    else:
        assert memory.fitting_batch_size(model, plan, 10e6, is_chosen) == found
