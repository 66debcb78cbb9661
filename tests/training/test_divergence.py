"""A run whose loss becomes NaN resumes from its last checkpoint with a lower learning rate."""

import math

import numpy as np
import pytest
import tensorflow as tf

from pawsight.history import load_history
from pawsight.progress import Silent
from pawsight.report.run_facts import training_rows
from pawsight.runs import Run
from pawsight.training import trainer as training
from pawsight.training.plan import Cut, load_plan

from .squares import trainer_of


class _Notes(Silent):
    """Keeps the notes, and ends the process' work before a step, as a kill does."""

    def __init__(self, killed_at=0):
        self.notes, self.left = [], killed_at

    def note(self, text):
        self.notes.append(text)

    def advance(self, done, **facts):
        if done and "loss" in facts:
            self.left -= 1
            if self.left == 0:
                raise SystemExit


def _diverging(at=10, only_weights=False, **given):
    """Make a trainer of 16 steps; at the first rate that is planned, one step gives NaN.

    It is eager, since to compile so few steps of a small network takes longer than to take them.
    """
    trainer = trainer_of("colab", epochs=4, batch_size=24, eager=True, **given)
    take, first = trainer.learner.train_step, trainer.plan.model_copy(update={"cuts": ()})
    taken = []

    def train_step(images, labels, learning_rate, share):
        loss, num_right = take(images, labels, learning_rate, share)
        taken.append(float(learning_rate))
        if len(taken) == at and math.isclose(
            taken[-1], first.learning_rate_at(at - 1), rel_tol=1e-6
        ):
            for variable in trainer.learner.model.trainable_variables:
                variable.assign(variable * np.nan)
            return (loss if only_weights else loss * np.nan), num_right
        return loss, num_right

    trainer.learner.train_step = train_step
    return trainer, taken


def _weights(trainer):
    return [np.array(weight) for weight in trainer.learner.model.get_weights()]


def _assert_equal(one, other):
    for a, b in zip(_weights(one), _weights(other), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
@pytest.mark.parametrize("only_weights", [False, True])
def test_it_resumes_from_its_last_checkpoint_at_a_quarter_of_the_rate(
    tmp_path, monkeypatch, only_weights
):
    monkeypatch.setattr(training, "_CHECKPOINT_SECONDS", 0.0)
    run, recorded = Run(tmp_path / "run"), _Notes()
    trainer, taken = _diverging(only_weights=only_weights)
    history = trainer.fit(run, recorded)
    cut = Cut(step=9, factor=0.25, diverged_at=10)
    assert trainer.plan.cuts == load_plan(run).cuts == (cut,)
    assert len(taken) == 17  # the tenth of 16 twice
    assert taken[10] == pytest.approx(taken[9] / 4)
    assert [row.step for row in history] == [4, 8, 12, 16]
    assert load_history(run.history_path) == history
    assert all(np.isfinite(weight).all() for weight in _weights(trainer))
    what = "A weight is not finite" if only_weights else "Loss is NaN"
    (note,) = (one for one in recorded.notes if "diverged" in one)
    assert note == (
        f"{what} at step 10: training diverged. Resuming from step 9 with the learning rate "
        f"multiplied by 0.25."
    )
    rows = dict(training_rows(load_plan(run), None, history))
    assert rows["diverged"] == (
        "at step 10; resumed from step 9 with a learning rate of 0.25 times the previous value"
    )


@pytest.mark.slow
def test_killed_after_that_it_ends_with_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "_CHECKPOINT_SECONDS", 0.0)
    whole, _ = _diverging()
    whole.fit(Run(tmp_path / "whole"), Silent())
    run = Run(tmp_path / "run")
    killed, _ = _diverging()
    with pytest.raises(SystemExit):
        killed.fit(run, _Notes(killed_at=12))
    resumed = trainer_of("colab", plan=load_plan(run))
    assert len(resumed.plan.cuts) == 1
    resumed.fit(run, Silent())
    _assert_equal(whole, resumed)


@pytest.mark.slow
def test_without_a_checkpoint_it_begins_again(tmp_path):
    recorded = _Notes()
    trainer, _ = _diverging(at=2)
    trainer.fit(Run(tmp_path / "run"), recorded)
    assert any("Resuming from step 0" in note for note in recorded.notes)
    slower = trainer_of("colab", plan=trainer.plan)
    slower.fit(Run(tmp_path / "slower"), Silent())
    _assert_equal(trainer, slower)


def test_a_cut_lowers_the_rate_of_the_steps_after_it(plan_of):
    plan = plan_of(learning_rate=1.0, schedule="constant")
    cuts = (Cut(step=10, factor=0.25, diverged_at=12), Cut(step=20, factor=0.5, diverged_at=30))
    lowered = plan.model_copy(update={"cuts": cuts})
    assert [lowered.learning_rate_at(step) for step in (9, 10, 19, 20)] == [1, 0.25, 0.25, 0.125]


def test_infinite_is_not_finite(tmp_path):
    trainer = trainer_of("colab")
    state = trainer.learner.state
    assert state.capture(0, {}, []).is_finite
    trainer.learner.model.trainable_variables[0].assign_add(
        tf.fill(trainer.learner.model.trainable_variables[0].shape, np.inf)
    )
    assert not state.capture(0, {}, []).is_finite
