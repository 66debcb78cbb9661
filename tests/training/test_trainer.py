import dataclasses
import os
import signal

import keras
import numpy as np
import pytest

from pawsight.errors import StoppedError, TrainingError
from pawsight.history import load_history, save_history
from pawsight.progress import Silent
from pawsight.runs import Run
from pawsight.training import trainer as trainer_module
from pawsight.training.checkpoints import load_checkpoint, save_checkpoint
from pawsight.training.custom_components import CustomComponents
from pawsight.training.learner import Learner
from pawsight.training.photos import Subset
from pawsight.training.plan import Stage, load_plan
from pawsight.training.trainer import Trainer

from .acted_learner import ActedLearner, score
from .squares import Squares, trainer_of

pytestmark = pytest.mark.usefixtures("small_swift")


class _Signals(Silent):
    """Sends this process a signal after a number of steps, as Ctrl-C does."""

    def __init__(self, after):
        self.left = after

    def advance(self, done, **facts):
        if done and facts:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGINT)


class _RevertibleProgress(Silent):
    """Counts what is reported of the stage "Training"."""

    def start(self, task, total=None, unit=""):
        self.total, self.done = total, 0

    def advance(self, done, **facts):
        self.done += done


def _weights(trainer):
    return [np.array(weight) for weight in trainer.learner.model.get_weights()]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["swift", "colab"])
def test_a_stopped_run_that_is_resumed_ends_with_the_bits_of_one_that_was_not(tmp_path, model):
    whole = trainer_of(model)
    progress = _RevertibleProgress()
    whole_history = whole.fit(Run(tmp_path / "whole"), progress)
    assert progress.done == progress.total == whole.plan.num_steps

    stopped = trainer_of(model)
    with pytest.raises(StoppedError, match=r"(?s)after step 5 of \d+.*pawsight resume"):
        stopped.fit(Run(tmp_path / "stopped"), _Signals(after=5))
    resumed = trainer_of(model)
    resumed_history = resumed.fit(Run(tmp_path / "stopped"), progress)
    assert progress.done == progress.total  # with the steps before it was stopped

    for one, other in zip(_weights(whole), _weights(resumed), strict=True):
        np.testing.assert_array_equal(one, other)
    scores = [(row.step, row.train_loss, row.validation_loss) for row in whole_history]
    assert scores == [(row.step, row.train_loss, row.validation_loss) for row in resumed_history]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path):
    found = []
    for number, seed in enumerate((1, 1, 2)):
        trainer = trainer_of("colab", epochs=1, seed=seed)
        trainer.fit(Run(tmp_path / str(number)), Silent())
        found.append(_weights(trainer))
    assert all(np.array_equal(a, b) for a, b in zip(found[0], found[1], strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(found[0], found[2], strict=True))


@pytest.mark.slow
def test_the_network_learns_and_the_best_epoch_is_kept(tmp_path):
    trainer = trainer_of(epochs=6)
    run = Run(tmp_path / "run")
    history = trainer.fit(run, Silent())
    assert [row.epoch for row in history] == [1, 2, 3, 4, 5, 6]
    assert max(row.validation_accuracy for row in history) >= 0.9
    best = [row for row in history if row.is_best]
    assert len(best) == 1
    at_full_size = [row.validation_accuracy for row in history if row.validation_scale == 1.0]
    assert best[0].validation_accuracy == max(at_full_size)
    assert load_history(run.history_path) == history
    found = trainer.learner.validator.measure(trainer.learner.validation, (24, 24))
    assert (found.loss, found.accuracy) == (best[0].validation_loss, best[0].validation_accuracy)


@pytest.mark.slow
def test_a_loss_of_nan_ends_with_advice(tmp_path):
    trainer = trainer_of(epochs=3, learning_rate=1e12)
    with pytest.raises(
        TrainingError,
        match=r"(?s) at step \d+: training diverged with a learning rate of 3.90625e\+09 as well\."
        r".*--learning-rate 3.90625e\+08",  # 1e12 / 4 ** 4, and a tenth of that
    ):
        trainer.fit(Run(tmp_path / "run"), Silent())


@pytest.mark.slow
def test_eager_training_gives_the_losses_of_compiled_training(tmp_path):
    rows = []
    for eager in (False, True):
        trainer = trainer_of("colab", epochs=1, eager=eager)
        rows += trainer.fit(Run(tmp_path / str(eager)), Silent())
    assert rows[0].train_loss == pytest.approx(rows[1].train_loss, rel=1e-3)


class _Reports(Silent):
    """Keeps what is reported."""

    def __init__(self):
        self.notes, self.facts, self.started = [], [], []

    def note(self, text):
        self.notes.append(text)

    def start(self, task, total=None, unit=""):
        self.started.append((task, total, unit))

    def advance(self, done, **facts):
        self.facts.append((done, facts))


@pytest.fixture
def act(plan_of, tmp_path):
    """Act out a plan of 10 steps an epoch; returns the trainer and what it reported."""

    def fit(learner, num_steps=20, **fields):
        plan = plan_of(num_steps, num_train=640, **fields)
        trainer, reports = Trainer(learner, plan, lambda: learner.now), _Reports()
        assert trainer.fit(Run(tmp_path), reports) is trainer._history
        return trainer, reports

    return fit


def test_rows_of_the_history_hold_what_the_steps_of_an_epoch_gave(act, tmp_path):
    learner = ActedLearner([score(0.9), score(0.7, loss=0.25)])
    trainer, _ = act(learner)
    first, second = load_history(Run(tmp_path).history_path)
    assert (first.epoch, first.step, second.epoch, second.step) == (1, 10, 2, 20)
    assert (first.train_loss, first.train_accuracy) == (2.0, 0.25)  # 16 of 64 are right
    assert (first.seconds, second.seconds) == (13.0, 26.0)  # a step takes 1 s, a validation 3 s
    assert first.images_per_second == second.images_per_second == 64.0  # without validation
    assert (first.validation_accuracy, second.validation_loss) == (0.9, 0.25)
    assert first.learning_rate == trainer.plan.learning_rate_at(9)
    assert second.learning_rate == trainer.plan.learning_rate_at(19)
    assert (first.is_best, second.is_best, first.validation_scale) == (True, False, 1.0)
    assert learner.weights[0] == 10  # those of the first, which is the best
    assert learner.rates == pytest.approx([trainer.plan.learning_rate_at(i) for i in range(20)])
    assert learner.loop_seconds == 26.0


def test_progress_and_callbacks_get_every_step(act):
    learner = ActedLearner()
    _, reports = act(learner)
    assert reports.started == [("Training", 20, "steps")]
    steps = [facts for done, facts in reports.facts if done == 1]
    assert [facts["epoch"] for facts in steps] == [1] * 10 + [2] * 10
    assert {(facts["total"], facts["loss"], facts["accuracy"]) for facts in steps} == {
        (20, 2.0, 0.25)
    }
    # The first step compiles, and is not timed.
    assert [facts["images_per_second"] for facts in steps[:3]] == [0.0, 64.0, 64.0]
    validated = [facts for done, facts in reports.facts if "validation_loss" in facts]
    assert [facts["epoch"] for facts in validated] == [1, 2]
    calls = [call for call in learner.called if call != "checked"]
    assert calls[0] == ("begin", 0) and calls[-1] == "end"
    assert calls[1] == ("step", 1, 2.0)
    assert calls[10:13] == [("step", 10, 2.0), ("epoch", 1), ("step", 11, 2.0)]
    assert learner.called.count("checked") == 22  # after each step and each validation


def test_a_stopped_run_continues_with_its_weights_sums_and_seconds(act, tmp_path):
    learner = ActedLearner()
    learner.on_step = lambda number: number == 13 and os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(StoppedError, match=r"Stopped after step 14 of 20; no work is lost"):
        act(learner)
    assert load_checkpoint(Run(tmp_path).checkpoints_dir, Silent()).step == 14
    (row,) = load_history(Run(tmp_path).history_path)
    later = dataclasses.replace(row, epoch=2, step=20)  # as if killed before its checkpoint
    save_history([row, later], Run(tmp_path).history_path)
    resumed = ActedLearner([score(0.85)])
    _, reports = act(resumed)
    first, second = load_history(Run(tmp_path).history_path)
    assert (first.step, second.step) == (10, 20)
    assert second.seconds == 26.0  # 17 s before it was stopped, and 9 s after
    assert second.train_loss == 2.0
    assert ("begin", 1) in resumed.called  # one epoch is done
    assert len(resumed.rates) == 6
    assert reports.facts[0] == (14, {})
    assert reports.facts[1] == (0, first.facts())
    assert resumed.weights[0] == 20  # the second is better


def test_a_stop_at_the_last_step_is_none(act):
    learner = ActedLearner()
    learner.on_step = lambda number: number == 19 and os.kill(os.getpid(), signal.SIGINT)
    assert len(act(learner)[0]._history) == 2


@pytest.mark.parametrize(
    ("seconds", "saving", "steps"),
    [
        (1.0, 0.1, [10, 20, 30]),  # less than 2 % of the 10 s of an epoch
        (0.1, 0.0, [10, 20, 30]),
        (1.0, 0.5, [10, 30]),  # more: at first, when that is unknown, and at the end
        (50.0, 9.0, [3, 6, 9, 12, 15, 18, 21, 24, 27, 30]),  # after more than 120 s
        (60.0, 9.0, [3, 6, 9, 11, 14, 17, 20, 23, 26, 29, 30]),  # 123 s with a validation
    ],
)
def test_checkpoints_are_written_each_two_minutes_and_where_they_cost_little(
    act, monkeypatch, seconds, saving, steps
):
    learner, found = ActedLearner(seconds=seconds), []

    def save(checkpoint, folder):
        found.append(checkpoint.step)
        learner.now += saving

    monkeypatch.setattr(trainer_module, "save_checkpoint", save)
    act(learner, 30)
    assert found == steps


def test_training_that_diverges_goes_back_and_keeps_the_time_that_it_took(act, tmp_path):
    learner = ActedLearner(losses={16: float("nan")})
    learner.on_step = lambda number: len(learner.rates) > 17 and learner.losses.clear()
    trainer, reports = act(learner)
    # The checkpoint is that of the first epoch, after step 10.
    assert (
        "Loss is NaN at step 17: training diverged. Resuming from step 10 with the learning "
        "rate multiplied by 0.25." in reports.notes
    )
    assert [row.seconds for row in trainer._history] == [13.0, 13.0 + 7.0 + 10.0 + 3.0]
    assert learner.rates[17] == pytest.approx(learner.rates[10] / 4)
    (cut,) = load_plan(Run(tmp_path)).cuts
    assert (cut.step, cut.diverged_at) == (10, 17)


@pytest.mark.parametrize(
    ("scores", "weight", "message"),
    [
        ([score(0.8, loss=float("inf"))], 0.0, r"Loss is infinite in validation at step 10"),
        ([score(0.8)], np.inf, r"A weight is not finite at step 10"),
    ],
)
def test_what_is_not_finite_is_named(act, scores, weight, message):
    learner = ActedLearner(scores)

    def harm(number):
        if number == 9:
            learner.weights = [learner.weights[0] + np.float32(weight)]

    learner.on_step = harm
    with pytest.raises(TrainingError, match=message):
        act(learner, optimizer="own")  # whose rate is not lowered


def test_training_stops_when_the_target_is_reached_for_sure(act, tmp_path):
    # 91 % of 200 photos may be chance: the lower bound is 86 %.
    learner = ActedLearner([score(0.91), score(0.97), score(0.98)])
    trainer, reports = act(learner, 30, target_accuracy=0.9)
    assert [row.step for row in trainer._history] == [10, 20]
    assert "Target of 90.0 % reached (lower 95 % bound); stopping early." in reports.notes
    assert load_plan(Run(tmp_path)).num_steps == trainer.plan.num_steps == 20


def test_a_target_reached_at_the_last_step_stops_nothing(act):
    _, reports = act(ActedLearner([score(0.99)]), 10, target_accuracy=0.9)
    assert not any("stopping early" in note for note in reports.notes)


def test_a_target_that_small_images_reach_is_measured_again_at_full_size(act):
    stages = (Stage(until=0.5, image_size=(64, 64)), Stage(until=1.0, image_size=(128, 128)))
    learner = ActedLearner([score(0.99), score(0.5), score(0.5)])
    trainer, _ = act(learner, 20, target_accuracy=0.9, stages=stages)
    assert learner.measured == [(100, (64, 64)), (100, (128, 128)), (100, (128, 128))]
    assert [row.validation_scale for row in trainer._history] == [1.0, 1.0]


def test_validation_of_a_stage_has_its_image_size(act):
    # The tenth step is the first of the second stage; the last validation is at full size.
    stages = tuple(
        Stage(until=until, image_size=size)
        for until, size in ((0.45, (32, 32)), (0.95, (64, 64)), (1.0, (96, 96)))
    )
    learner = ActedLearner()
    trainer, _ = act(learner, 20, stages=stages, image_size=(128, 100))
    assert [row.validation_scale for row in trainer._history] == [0.5, 1.0]
    assert learner.measured == [(100, (64, 64)), (100, (128, 100))]


def test_the_first_step_of_a_stage_is_not_timed(act):
    stages = (Stage(until=0.7, image_size=(64, 64)), Stage(until=1.0, image_size=(128, 128)))
    learner = ActedLearner()

    def compile_first(number):
        learner.now += 50.0 if number in (0, 14) else 0.0  # the first of each stage

    learner.on_step = compile_first
    trainer, _ = act(learner, 20, stages=stages)
    assert [row.images_per_second for row in trainer._history] == [64.0, 64.0]


@pytest.mark.parametrize("labels", [(0, 1) * 320, (0, 0, 0, 1) * 160])
def test_balanced_accuracy_is_reported_of_imbalanced_classes(act, labels):
    trainer, _ = act(ActedLearner([score(0.8)], labels=labels), 10)
    found = trainer._history[0].validation_balanced_accuracy
    assert found == (0.8 if sum(labels) < 320 else None)


def test_a_callback_may_end_training(act):
    learner = ActedLearner()
    learner.wants_end = True
    trainer, reports = act(learner)
    assert [row.step for row in trainer._history] == [10]
    assert "A callback requests it; stopping early." in reports.notes


def test_the_first_row_of_a_tuned_network_scores_the_weights_it_began_with(act):
    learner = ActedLearner([score(0.7, loss=0.3), score(0.9), score(0.6)])
    learner.warm_start = type("Tuned", (), {"row": None})()
    trainer, _ = act(learner, 10)
    first, second = trainer._history
    # Of 640 photos each sixth, and no more than the 100 for validation; the others come after.
    assert learner.measured[:2] == [(100, (128, 128)), (100, (128, 128))]
    assert (first.step, first.seconds, first.learning_rate) == (0, 0.0, 0.0)
    assert second.seconds == 13.0  # 10 steps and a validation
    assert (first.train_accuracy, first.train_loss) == (0.7, 0.3)
    assert (first.validation_accuracy, first.is_best, second.is_best) == (0.9, True, False)
    assert (first.validation_scale, learner.weights[0]) == (1.0, 0)


def test_few_photos_are_all_scored_at_the_start(act):
    learner = ActedLearner(labels=(0, 1) * 30)
    learner.warm_start = type("Tuned", (), {"row": None})()
    act(learner, 10)
    assert learner.measured[0] == (60, (128, 128))


def test_smaller_images_and_the_average_are_scored_and_the_best_is_kept(act, tmp_path):
    # After training: smaller images, the average at full size, and that at the smaller size.
    learner = ActedLearner([score(0.8), score(0.7), score(0.9), score(0.99, loss=float("nan"))])
    learner.initial = [np.full(1, 4.0, np.float32)]
    fields = {"image_size": (128, 100), "finished_sizes": ((64, 50),)}
    trainer, reports = act(learner, 10, **fields)
    rows = trainer._history
    assert [(row.is_smaller, row.is_average) for row in rows] == [
        (False, False),
        (True, False),
        (False, True),
    ]
    assert [row.validation_scale for row in rows] == [1.0, 0.5, 1.0]
    assert {(row.step, row.train_loss, row.train_accuracy) for row in rows} == {(10, 2.0, 0.25)}
    assert rows == load_history(Run(tmp_path).history_path)
    assert learner.weights[0] == 7.0  # the mean of 4 and 10
    assert sum("on images of 50 x 64 pixels" in note for note in reports.notes) == 2
    # A run that is resumed at its end scores them again, and forgets their rows.
    again = ActedLearner([score(0.5)])
    rows = act(again, 10, **fields)[0]._history
    assert [row.seconds for row in rows] == [13.0, 16.0]  # of both sessions


@pytest.mark.parametrize(("num_readable", "loss"), [(1, 2.0), (0, 0.0)])
def test_the_loss_is_that_of_the_photos_that_can_be_read(act, num_readable, loss):
    learner = ActedLearner()
    learner.num_readable = lambda labels: num_readable
    trainer, reports = act(learner, 1)
    assert [facts["loss"] for done, facts in reports.facts if done == 1] == [loss]
    assert trainer._history[0].train_loss == loss


def test_what_limited_training_is_noted_and_kept_in_the_plan(act, tmp_path):
    learner = ActedLearner()
    learner.limited_by = "reading photos, 212 images/s"
    _, reports = act(learner)
    assert "Training was limited by: reading photos, 212 images/s." in reports.notes
    assert load_plan(Run(tmp_path)).limited_by == "reading photos, 212 images/s"


def test_a_machine_slower_than_measured_takes_fewer_steps(act, tmp_path):
    stage = Stage(until=1.0, image_size=(128, 128), step_seconds=1.0)
    learner = ActedLearner(seconds=2.0)
    fields = {"stages": (stage,), "seconds": 400.0, "validate_every": 1000.0}
    trainer, _ = act(learner, 400, **fields)
    assert trainer.plan.num_steps == pytest.approx(200, abs=3)
    assert load_plan(Run(tmp_path)).num_steps == trainer.plan.num_steps


def test_the_first_checkpoint_is_of_the_weights_before_any_step(plan_of, tmp_path):
    learner, run = ActedLearner(), Run(tmp_path)
    Trainer(learner, plan_of(20), lambda: learner.now).begin(run, Silent())
    assert load_checkpoint(run.checkpoints_dir, Silent()).step == 0
    save_checkpoint(learner.state.capture(5, {}, []), run.checkpoints_dir)
    Trainer(learner, plan_of(20), lambda: learner.now).begin(run, Silent())
    assert load_checkpoint(run.checkpoints_dir, Silent()).step == 5


def test_photos_of_a_batch_that_are_lost_are_not_counted():
    learner = trainer_of().learner
    assert learner.num_readable(np.array([0, 1, -1, 0])) == 3
    assert learner.num_readable(np.array([[0, 1], [-1, -1], [0, 0]])) == 2


def test_the_rate_of_an_own_optimizer_is_its_own(plan_of):
    photos = Squares(8)
    part = Subset(np.arange(8), photos.labels)
    plan = plan_of(image_size=(24, 24), precision="float32")
    assert Learner(plan, photos, part, part).learning_rate_at(3, plan) == plan.learning_rate_at(3)
    own = CustomComponents(keras.optimizers.SGD(0.25))
    plan = plan.model_copy(update={"optimizer": "own"})
    assert Learner(plan, photos, part, part, components=own).learning_rate_at(3, plan) == 0.25
