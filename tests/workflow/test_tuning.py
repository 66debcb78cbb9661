"""A search of settings: resumable, honest about chance. Trials are not trained here but one."""

import datetime
import itertools
import pickle
import shutil
import sys
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from pawsight.config import TrainConfig
from pawsight.errors import ConfigError, ExtraError, RunError, StoppedError, TrainingError
from pawsight.evaluation.comparison import Comparison, Pair, RunScore
from pawsight.evaluation.importance import importances
from pawsight.runs import Run
from pawsight.training.search_space import search_space
from pawsight.workflow import shared_trials, trial_study, tune, tuning
from pawsight.workflow.tuning_results import Tuning


@dataclass
class Row:
    validation_accuracy: float
    validation_balanced_accuracy: float | None = None


@dataclass
class Score:
    """How a made-up set of photos answers to settings: best at 2.8 times the learning rate."""

    config: TrainConfig

    @property
    def accuracy(self):
        rate = (self.config.learning_rate or 0.12) / 0.12
        return 0.9 - 0.1 * abs(rate - 2.8) - 0.001 * (self.config.batch_size or 128) / 128


@pytest.fixture
def trained(monkeypatch):
    """Replace training by a formula; the settings of each run, in their order."""
    pytest.importorskip("optuna", reason='needs pip install "pawsight[tune]"')
    found = []

    def train(source, config, out, progress):
        found.append(config)
        accuracy = Score(config).accuracy
        progress.start("Training", 10, "steps")
        for _ in range(10):
            progress.advance(1, validation_accuracy=accuracy)
        out.mkdir(parents=True)
        (out / "accuracy").write_text(str(accuracy))
        return Run(out)

    def score(run):
        return float((run.path / "accuracy").read_text())

    def compare(paths):
        scores = [float((path / "accuracy").read_text()) for path in paths]
        counts = [round(1000 * score) for score in scores]
        runs = tuple(RunScore(p, n, n / 1000, (0, 1)) for p, n in zip(paths, counts, strict=True))
        pair = Pair(0, 1, 0, counts[1] - counts[0], 0.001)
        return Comparison(1000, 0, "", runs, (pair,), ())

    monkeypatch.setattr(tuning, "train", train)
    monkeypatch.setattr(shared_trials, "train", train)
    monkeypatch.setattr(shared_trials, "run_score", score)
    monkeypatch.setattr(tuning, "compare", compare)
    return found


SWIFT = TrainConfig(model="swift", epochs=1, image_size=64, resize="crop")


@pytest.fixture
def minutes(trained, monkeypatch):
    """Let every trial take one minute, and nothing else any time."""
    optuna = pytest.importorskip("optuna")
    monkeypatch.setattr(
        optuna.trial.FrozenTrial, "duration", property(lambda self: datetime.timedelta(minutes=1))
    )
    at_once = []
    monkeypatch.setattr(
        trial_study.time, "monotonic", lambda: 60 * len(trained) / (at_once or [1])[0]
    )
    return at_once


def test_search_begins_with_the_default_recipe_and_finds_better_settings(
    trained, minutes, tmp_path
):
    found = tune("photos", 20, SWIFT, tmp_path / "out")
    assert len(found.trials) == 14  # 70 % of 20 minutes, one each
    assert trained[0] == SWIFT
    assert {one.minutes for one in found.trials} == {1.0}
    best = max(found.trials, key=lambda one: one.score or 0)
    assert best.score > found.trials[0].score + 0.05
    assert found.winner.path == tmp_path / "out" / "winner"
    assert found.is_better
    assert found.importances[0].name == "learning rate"
    assert found.importances[0].spread > 0
    assert sum(one.mean for one in found.importances) == pytest.approx(1)
    rows = (tmp_path / "out" / "trials.csv").read_text().splitlines()
    assert len(rows) == 15
    assert (tmp_path / "out" / "tuning.png").stat().st_size > 0


def test_trials_that_fall_behind_are_ended(trained, minutes, tmp_path):
    found = tune("photos", 40, SWIFT, tmp_path / "out")
    assert {"complete", "pruned"} == {one.state for one in found.trials}


def test_search_that_was_stopped_goes_on(trained, minutes, tmp_path, monkeypatch):
    real = shared_trials.train

    def stopping(source, config, out, progress):
        if out.name == "0003":
            raise StoppedError("Stopped.")
        return real(source, config, out, progress)

    monkeypatch.setattr(shared_trials, "train", stopping)
    with pytest.raises(StoppedError, match="Continue with the same command and --out"):
        tune("photos", 20, SWIFT, tmp_path / "out")
    monkeypatch.setattr(shared_trials, "train", real)
    stopped = len(trained)
    found = tune("photos", 20, SWIFT, tmp_path / "out")
    assert stopped == 3
    assert len(found.trials) == 14
    assert found.trials[4].values == found.trials[3].values  # which had failed
    with pytest.raises(RunError, match="search with other settings"):
        tune("photos", 20, SWIFT.model_copy(update={"seed": 1}), tmp_path / "out")


def test_failed_trial_is_passed_over(trained, minutes, tmp_path, monkeypatch, recorded):
    real = shared_trials.train

    def failing(source, config, out, progress):
        if out.name == "0002":
            raise TrainingError("It diverged.")
        return real(source, config, out, progress)

    monkeypatch.setattr(shared_trials, "train", failing)
    found = tune("photos", 10, SWIFT, tmp_path / "out", recorded)
    assert found.trials[2].state == "fail"
    assert "Trial 3 failed: It diverged." in recorded.notes


def test_another_winner_is_trained_beside_the_one_before(tmp_path, recorded):
    pytest.importorskip("optuna", reason='needs pip install "pawsight[tune]"')
    given = (tmp_path, "photos", SWIFT, search_space(SWIFT), 5.0, None, recorded)
    study = trial_study.TrialStudy(*given)
    names = [study.final_runs(number)["winner"].path.name for number in (3, 7, 3)]
    assert names == ["winner", "winner-2", "winner"]
    again = trial_study.TrialStudy(*given).final_runs(7)
    assert [run.path.name for run in again.values()] == ["default-2", "winner-2"]


@pytest.mark.parametrize(
    ("minutes", "count", "expected"),
    [
        (60, 1, 5),
        (6, 1, 1),  # at least one minute each
        (240, 1, 10),  # at most ten
        (30, 2, 5),
        (6, 30, 6),  # of at most twelve at a time
    ],
)
def test_twelve_trials_share_the_minutes(minutes, count, expected):
    assert trial_study.trial_minutes(minutes, count) == expected


def test_settings_of_a_trial_are_factors_of_the_recipe_or_words():
    values = {"learning rate": 0.123456, "epochs": 2, "resize": "crop"}
    assert trial_study.in_words(values) == "learning rate x 0.123, epochs x 2, resize crop"


def test_a_trial_without_a_number_of_epochs_has_its_minutes(tmp_path, recorded):
    pytest.importorskip("optuna", reason='needs pip install "pawsight[tune]"')
    config = TrainConfig(model="swift")
    given = (tmp_path, "photos", config, search_space(config), 60, 2, recorded)
    study = trial_study.TrialStudy(*given)
    first = study.ask()
    assert (first.number, first.config.minutes, study.run_minutes) == (0, 10, 10)
    assert recorded.notes[0].startswith("Trial 1: ")


def test_default_recipe_that_is_best_is_kept(trained, minutes, tmp_path, monkeypatch):
    monkeypatch.setattr(
        Score, "accuracy", property(lambda self: 0.9 if self.config == SWIFT else 0.5)
    )
    found = tune("photos", 10, SWIFT, tmp_path / "out")
    assert (found.winner, found.is_better) == (None, False)


@pytest.mark.parametrize("minutes", [0, -1.5])
def test_a_search_needs_time(minutes, tmp_path):
    with pytest.raises(ConfigError, match=f"minutes must be above 0, got {minutes}"):
        tune("photos", minutes, SWIFT, tmp_path)


@pytest.mark.parametrize(
    "config", [TrainConfig(model="builtin"), TrainConfig(model="swift", minutes=3)]
)
def test_nothing_to_search_is_refused(config, tmp_path):
    pytest.importorskip("optuna", reason='needs pip install "pawsight[tune]"')
    with pytest.raises(ConfigError, match="nothing to search"):
        tune("photos", 10, config, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_missing_optuna_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(ExtraError, match=r'pip install "pawsight\[tune\]"'):
        tune("photos", 10, SWIFT, tmp_path / "out")


def test_few_or_equal_trials_have_no_importance():
    optuna = pytest.importorskip("optuna", reason='needs pip install "pawsight[tune]"')
    space = {"x": optuna.distributions.FloatDistribution(0, 1)}
    trials = [
        optuna.trial.create_trial(params={"x": i / 10}, distributions=space, value=0.5)
        for i in range(8)
    ]
    assert importances(trials) == []
    assert importances(trials[:3]) == []


@pytest.mark.parametrize(
    ("first_only", "second_only", "p_value", "start"),
    [
        (3, 30, 0.001, "The winner is better by more than chance: 127 of 200 held-out photos"),
        (10, 14, 0.5, "The winner is not shown to be better than the default recipe"),
        (30, 3, 0.001, "The winner is not shown to be better than the default recipe"),
    ],
)
def test_verdict_tells_chance_apart(first_only, second_only, p_value, start, tmp_path):
    from pawsight.cli.tune import verdict

    runs = (
        RunScore(tmp_path / "default", 100, 0.5, (0, 1)),
        RunScore(tmp_path / "winner", 100 + second_only - first_only, 0.5, (0, 1)),
    )
    pair = Pair(0, 1, first_only, second_only, p_value)
    compared = Comparison(200, 0, "", runs, (pair,), ())
    found = Tuning(tmp_path, [], [], Run(tmp_path / "winner"), compared)
    assert verdict(found).startswith(start)


class Side(list):
    """Two workers in this process, one of which has the second trial to the end."""

    count = 2

    def run(self, job, items, lost):
        waiting, items = [], iter(items)
        while True:
            waiting += itertools.islice(items, 2 - len(waiting))
            if not waiting:
                return
            self.append([item.number for item in waiting])
            if len(self) == 3:
                lost("Worker 2 of 2 was lost (exit code -9)", waiting[0])
            item = waiting.pop(-1 if waiting[0].number == 1 else 0)
            yield item, pickle.loads(pickle.dumps(job)).worker()(pickle.loads(pickle.dumps(item)))


@pytest.fixture
def side(trained, minutes, monkeypatch):
    group = Side()
    minutes.append(2)
    monkeypatch.setattr(tuning, "worker_group", lambda workers, cluster, trains: group)
    return group


def test_workers_train_trials_side_by_side(side, trained, tmp_path, recorded):
    found = tune("photos", 20, SWIFT, tmp_path / "out", recorded, workers=2)
    assert (
        "Worker 2 of 2 was lost (exit code -9); another worker continues trial 2." in recorded.notes
    )
    assert len(found.trials) == 28  # 28 minutes of trials, two at a time
    assert side[:3] == [[0, 1], [1, 2], [1, 3]]  # a worker that is free takes the next
    assert side[-1] == [1]
    assert {one.state for one in found.trials} == {"complete", "pruned"}
    assert found.trials[0].values == dict.fromkeys(found.trials[0].values, 1.0)
    assert found.is_better


def test_failed_trial_of_a_worker_is_passed_over_unless_it_is_the_default(
    side, tmp_path, monkeypatch, recorded
):
    real = shared_trials.train

    def failing(number):
        def train(source, config, out, progress):
            if out.name == number:
                raise TrainingError("It diverged.")
            return real(source, config, out, progress)

        return train

    monkeypatch.setattr(shared_trials, "train", failing("0002"))
    found = tune("photos", 4, SWIFT, tmp_path / "out", recorded, workers=2)
    assert found.trials[2].state == "fail"
    assert "Trial 3 failed: It diverged." in recorded.notes
    monkeypatch.setattr(shared_trials, "train", failing("0000"))
    with pytest.raises(TrainingError, match="It diverged"):
        tune("photos", 4, SWIFT, tmp_path / "other", workers=2)
    found = tune("photos", 4, SWIFT, tmp_path / "other", workers=2)
    assert [one.state for one in found.trials[:4]] == ["fail", "fail", *["complete"] * 2]
    assert found.trials[2].values == found.trials[0].values
    assert found.trials[3].values == found.trials[1].values  # which was running


def test_trials_of_a_stopped_search_are_tried_again(side, tmp_path, monkeypatch):
    run = Side.run

    def stopping(self, job, items, lost):
        for number, done in enumerate(run(self, job, items, lost)):
            if number == 3:
                raise KeyboardInterrupt
            yield done

    monkeypatch.setattr(Side, "run", stopping)
    with pytest.raises(StoppedError, match="5 trials are kept"):
        tune("photos", 10, SWIFT, tmp_path / "out", workers=2)
    monkeypatch.setattr(Side, "run", run)
    found = tune("photos", 10, SWIFT, tmp_path / "out", workers=2)
    states = [one.state for one in found.trials[:5]]
    assert states == ["complete", "fail", "complete", "complete", "fail"]
    assert found.trials[5].values == found.trials[1].values
    assert found.trials[6].values == found.trials[4].values
    assert len(found.trials) == 14


def test_minutes_in_which_a_killed_search_did_not_run_are_not_counted(trained, minutes, tmp_path):
    import optuna

    folder = tmp_path / "out"
    tune("photos", 3, SWIFT, folder)
    study = optuna.load_study(study_name="pawsight", storage=f"sqlite:///{folder / 'study.db'}")
    study.ask()  # killed before it had settings
    trained.clear()
    for name in ("default", "winner"):  # which the search had not come to when it was killed
        shutil.rmtree(folder / name, ignore_errors=True)
    found = tune("photos", 6, SWIFT, folder)
    assert [one.minutes for one in found.trials] == [1, 1, 0, 1, 1]
    tried = [tuple(one.values.values()) for one in found.trials if one.minutes]
    assert len(set(tried)) == 4  # the sampler does not begin anew


def test_a_client_of_ray_is_refused(tmp_path):
    pytest.importorskip("optuna", reason='needs pip install "pawsight[tune]"')
    with pytest.raises(ConfigError, match="not that of a Ray client"):
        tune("photos", 10, SWIFT, tmp_path / "out", workers=2, cluster="ray://head:10001")
    assert not (tmp_path / "out").exists()


def test_a_search_by_epochs_gives_its_trials_no_minutes():
    for settings, minutes in (({"epochs": 2}, None), ({}, 3.0)):
        config = TrainConfig(model="swift", **settings)
        study = SimpleNamespace(_config=config)
        found = trial_study.TrialStudy.settings(study, {"learning rate": 2.0}, 3.0)
        assert (found.epochs, found.minutes) == (settings.get("epochs"), minutes)
        assert found.learning_rate == pytest.approx(0.24)


def test_the_importance_of_a_setting_is_the_mean_over_samples_with_its_spread(monkeypatch):
    shares = iter([{"a": 0.9, "b": 0.1}, {"a": 0.5, "b": 0.5}] * 10)
    fanova = SimpleNamespace(
        FanovaImportanceEvaluator=lambda **_: None,
        get_param_importances=lambda *_, **__: next(shares),
    )
    study = SimpleNamespace(add_trials=lambda trials: None)
    optuna = SimpleNamespace(importance=fanova, create_study=lambda **_: study)
    monkeypatch.setitem(sys.modules, "optuna", optuna)
    trials = [SimpleNamespace(value=float(i), params={"a": i, "b": 0}) for i in range(6)]
    first, second = importances(trials)
    assert (first.name, second.name) == ("a", "b")
    assert (first.mean, second.mean) == (pytest.approx(0.7), pytest.approx(0.3))
    # Twenty values, each 0.2 from their mean: 20 / 19 of the variance.
    assert first.spread == pytest.approx(0.2 * (20 / 19) ** 0.5)
    assert importances(trials[:5]) == []
    assert importances(trials[:1] * 6) == []
