"""Trials of a search that fall behind the others are ended."""

from types import SimpleNamespace

import pytest

from pawsight.config import TrainConfig
from pawsight.errors import DataError
from pawsight.history import Epoch
from pawsight.workflow import shared_trials
from pawsight.workflow.shared_trials import Trial, TrialJob, medians_of
from pawsight.workflow.trial_progress import PrunedError, TrialProgress


class Passed:
    """What is passed on."""

    def __init__(self):
        self.calls = []

    def start(self, *arguments):
        self.calls.append(arguments)

    def advance(self, done, **facts):
        self.calls.append((done, facts))


@pytest.fixture
def scores():
    return []


@pytest.fixture
def progress(scores):
    return TrialProgress(Passed(), lambda score, step: scores.append((score, step)))


def test_scores_are_compared_at_twentieths_of_a_run(progress, scores):
    progress.start("Training", 200, "steps")
    progress.advance(9, validation_accuracy=0.5)
    progress.advance(1, validation_accuracy=0.6, validation_balanced_accuracy=0.4)
    progress.advance(50, loss=0.1)
    progress.advance(0, total=120, validation_accuracy=0.7)
    progress.advance(60, validation_accuracy=0.8)  # the end: nothing is left to save
    assert scores == [(0.5, 0), (0.4, 1), (0.7, 10)]
    assert progress._progress.calls[0] == ("Training", 200, "steps")
    assert progress._progress.calls[1] == (9, {"validation_accuracy": 0.5})


def test_before_the_first_step_and_without_a_length_nothing_is_compared(progress, scores):
    progress.start("Training", 200)
    progress.advance(0, validation_accuracy=0.5)
    progress.start("Reading")
    progress.advance(5, validation_accuracy=0.5)
    assert scores == []
    progress.note("discarded")
    assert len(progress._progress.calls) == 4


def test_a_trial_that_fell_behind_is_ended():
    progress = TrialProgress(Passed(), lambda score, step: score < 0.5)
    progress.start("Training", 20)
    progress.advance(4, validation_accuracy=0.6)
    with pytest.raises(PrunedError):
        progress.advance(4, validation_accuracy=0.4)


def ended(state="COMPLETE", **scores):
    values = {int(step.removeprefix("at")): score for step, score in scores.items()}
    return SimpleNamespace(state=SimpleNamespace(name=state), intermediate_values=values)


def test_medians_are_those_of_four_complete_trials_after_a_third_of_the_run():
    trials = [ended(at5=0.1, at6=one, at7=one) for one in (0.2, 0.4, 0.8)]
    assert medians_of(trials) == {}
    assert medians_of([*trials, ended("PRUNED", at7=0.9)]) == {}
    found = medians_of([*trials, ended(at6=0.6), ended("FAIL", at7=0.0)])
    assert found == {6: pytest.approx(0.5), 7: 0.4}


@pytest.fixture
def outcome(monkeypatch, tmp_path):
    """Train a trial whose run reports these scores; returns what came out and the calls."""
    calls = []

    def work(scores, medians, error=None, is_begun=False):
        def run(*arguments):
            progress = arguments[-1]
            progress.start("Training", 20)
            for score in scores:
                progress.advance(4, validation_accuracy=score)
            if error:
                raise error
            return "run"

        monkeypatch.setattr(shared_trials, "train", lambda *a: calls.append("train") or run(*a))
        monkeypatch.setattr(shared_trials, "resume", lambda *a: calls.append("resume") or run(*a))
        monkeypatch.setattr(shared_trials, "run_score", lambda run: 0.75)
        if is_begun:
            (tmp_path / "config.json").touch()
        trial = Trial(3, "photos", TrainConfig(), str(tmp_path), medians)
        return TrialJob().worker()(trial), calls

    return work


def test_a_trial_goes_on_while_its_best_score_is_no_worse_than_the_median(outcome):
    found, calls = outcome([0.5, 0.4], {4: 0.4, 8: 0.5})
    assert (found.state, found.score, found.scores) == ("complete", 0.75, {4: 0.5, 8: 0.4})
    assert calls == ["train"]
    found, _ = outcome([0.5, 0.4], {4: 0.4, 8: 0.6})
    assert (found.state, found.score) == ("pruned", 0.0)


def test_a_trial_that_failed_names_why_and_one_that_was_begun_continues(outcome):
    found, calls = outcome([], {}, error=DataError("no photos"), is_begun=True)
    assert (found.state, found.failure) == ("failed", ("DataError", "no photos"))
    assert calls == ["resume"]


@pytest.mark.parametrize(("balanced", "score"), [(None, 0.9), (0.7, 0.7)])
def test_the_score_of_a_run_is_the_one_that_chose_its_epoch(monkeypatch, balanced, score):
    row = Epoch(1, 10, 1.0, 50.0, 0.1, 0.5, 0.8, 0.4, 0.9, True, balanced)
    monkeypatch.setattr(shared_trials, "load_history", lambda path: [row])
    assert shared_trials.run_score(SimpleNamespace(history_path="h")) == score
