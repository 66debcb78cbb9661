import os
import signal

import numpy as np
import pytest

from pawsight.errors import StoppedError, TrainingError
from pawsight.history import load_history
from pawsight.progress import Silent
from pawsight.runs import Run

from .squares import trainer_of


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
