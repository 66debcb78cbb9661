"""Runs that are planned again, grow their photos, or reach a target."""

import os
import signal

import numpy as np
import pytest

from pawsight.config import TrainConfig
from pawsight.errors import StoppedError
from pawsight.history import load_history
from pawsight.progress import Silent
from pawsight.runs import Run
from pawsight.training import planning
from pawsight.training.learner import Learner
from pawsight.training.pacing import fitted
from pawsight.training.photos import Subset
from pawsight.training.plan import Stage, load_plan
from pawsight.training.precision import Precision
from pawsight.training.step_timing import Speed
from pawsight.training.trainer import Trainer

from .squares import Squares, trainer_of

pytestmark = pytest.mark.usefixtures("small_swift")

SIDE = 24


class RecordingProgress(Silent):
    """A clock of so many seconds a step, Ctrl-C after a number of steps, and all notes."""

    def __init__(self, step_seconds=0.0, stop_after=None):
        self.step_seconds, self.stop_after = step_seconds, stop_after
        self.now, self.num_steps, self.notes = 0.0, 0, []

    def clock(self):
        return self.now

    def note(self, text):
        self.notes.append(text)

    def advance(self, done, **facts):
        if done and "loss" in facts:
            self.num_steps += 1
            if self.num_steps == self.stop_after:
                os.kill(os.getpid(), signal.SIGINT)


def trained(run, plan, recorded):
    photos = Squares()
    train, validation = (Subset(i, photos.labels[i]) for i in np.split(np.arange(120), [96]))
    learner = Learner(plan, photos, train, validation)
    train_step = learner.train_step

    def timed_step(*batch):
        recorded.now += recorded.step_seconds
        return train_step(*batch)

    learner.train_step = timed_step
    return learner, Trainer(learner, plan, recorded.clock).fit(run, recorded)


def plan_of(epochs=4, **settings):
    config = TrainConfig(model="swift", image_size=(SIDE, SIDE), epochs=epochs, **settings)
    return planning.plan(config, ("dark", "light"), 96, 24, Precision("float32", "for a test"))


def costed(plan):
    stages = (
        Stage(until=0.5, image_size=(16, 16), step_seconds=1.0, validation_seconds=0.0),
        Stage(until=1.0, image_size=(SIDE, SIDE), step_seconds=1.0, validation_seconds=0.0),
    )
    return plan.model_copy(update={"stages": stages, "augment_strength": 1.5})


def weights_of(learner):
    return [np.array(weight) for weight in learner.model.get_weights()]


@pytest.mark.slow
def test_a_run_planned_anew_ends_in_time_and_with_the_bits_of_one_stopped_and_resumed(tmp_path):
    plan = fitted(costed(plan_of()), 60.0).model_copy(update={"hardware": "a test's"})
    assert plan.num_steps == 60
    run = Run(tmp_path / "whole")
    recorded = RecordingProgress(step_seconds=2.0)  # half as fast as the plan was made for
    whole, history = trained(run, plan, recorded)
    assert recorded.now == pytest.approx(60, abs=4)
    assert history[-1].learning_rate < 0.1 * plan.learning_rate
    assert [row.validation_scale for row in history[:1] + history[-1:]] == [0.6667, 1.0]

    followed = load_plan(run)
    assert followed.hardware == "a test's"
    assert len(followed.pieces) > 1
    assert followed.num_steps == recorded.num_steps == history[-1].step
    stopped = Run(tmp_path / "stopped")
    with pytest.raises(StoppedError):
        trained(stopped, followed, RecordingProgress(stop_after=7))
    # The clock of the resumed run says that no time goes by, so that nothing is planned again.
    resumed, again = trained(
        stopped, followed.model_copy(update={"seconds": None}), RecordingProgress()
    )
    for one, other in zip(weights_of(whole), weights_of(resumed), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [(row.step, row.validation_loss, row.train_loss) for row in history] == [
        (row.step, row.validation_loss, row.train_loss) for row in again
    ]


@pytest.mark.slow
def test_a_run_with_a_target_ends_where_it_is_surely_reached(tmp_path):
    # Of 24 photos all must be right: the Wilson interval of 24 of 24 begins at 0.862.
    plan = plan_of(epochs=40, target_accuracy=0.86)
    run, recorded = Run(tmp_path / "run"), RecordingProgress()
    _, history = trained(run, plan, recorded)
    assert history[-1].validation_accuracy == 1.0
    assert history[-1].step < plan.num_steps
    assert load_plan(run).num_steps == history[-1].step
    assert "Target of 86.0 % reached (lower 95 % bound); stopping early." in recorded.notes
    assert all(row.validation_accuracy < 1.0 for row in history[:-1])
    assert load_history(run.history_path) == history


@pytest.mark.slow
def test_measuring_changes_no_bit_of_the_run(tmp_path):
    plan, photos = plan_of(epochs=1), Squares()
    train, validation = (Subset(i, photos.labels[i]) for i in np.split(np.arange(120), [96]))
    measured = Learner(plan, photos, train, validation)
    found = Speed(measured, 0.05).with_costs(plan)
    for stage in found.stages:
        assert stage.step_seconds > 0
        assert stage.validation_seconds > 0
    Trainer(measured, plan).fit(Run(tmp_path / "measured"), Silent())
    plain, _ = trained(Run(tmp_path / "plain"), plan, RecordingProgress())
    for one, other in zip(weights_of(measured), weights_of(plain), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_a_clock_that_jumps_forth_and_back_ends_the_run_early_and_whole(tmp_path):
    class Jumps(RecordingProgress):
        jumps = iter((5000.0, -9000.0, 100.0, -200.0))

        def advance(self, done, **facts):
            super().advance(done, **facts)
            if done and "loss" in facts and self.num_steps % 8 == 0:
                self.now += next(self.jumps, 0.0)

    recorded = Jumps()
    learner = trainer_of("colab", eager=True, batch_size=24).learner
    plan = trainer_of("colab", eager=True, batch_size=24).plan
    costs = {"step_seconds": 1.0, "validation_seconds": 0.0}
    stages = tuple(stage.model_copy(update=costs) for stage in plan.stages)
    plan = fitted(plan.model_copy(update={"stages": stages, "schedule": "linear"}), 40.0)
    take = learner.train_step

    def timed_step(*batch):
        recorded.now += 1.0
        return take(*batch)

    learner.train_step = timed_step
    trainer = Trainer(learner, plan, recorded.clock)
    history = trainer.fit(Run(tmp_path / "run"), recorded)
    assert plan.num_steps == 40
    assert history[-1].step == trainer.plan.num_steps == recorded.num_steps
    assert 8 < recorded.num_steps < 40  # it looked as if the budget were used up after 8
    assert all(np.isfinite(weight).all() for weight in weights_of(learner))
