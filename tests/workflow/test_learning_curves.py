"""The learning curve of a run's own network, from runs on parts of its photos."""

import dataclasses
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from pawsight.data.catalog import Catalog
from pawsight.errors import ConfigError, DataError, RunError, StoppedError
from pawsight.evaluation.photo_needs import load_curve
from pawsight.evaluation.predictions import load_predictions, save_predictions
from pawsight.formatting import duration
from pawsight.history import load_history, save_history
from pawsight.progress import Silent
from pawsight.runs import Run
from pawsight.workflow import curve_parts, learning_curve, learning_curves, verify


class StopsBefore(Silent):
    """Presses Ctrl-C at a note."""

    def __init__(self, text):
        self._text = text

    def note(self, text):
        if text.startswith(self._text):
            raise KeyboardInterrupt


@pytest.fixture
def own_run(run, tmp_path, monkeypatch):
    """A copy of the run that may be changed, whose 27 photos a class are enough for two parts."""
    monkeypatch.setattr(curve_parts, "MIN_PHOTOS", 20)
    monkeypatch.setattr(curve_parts, "_DENOMINATORS", (8, 4))
    return Run(shutil.copytree(run.path, tmp_path / "own run"))


def test_a_class_of_too_few_photos_has_no_curve(run):
    with pytest.raises(DataError, match=r"Class '(cats|dogs)' has 2\d training photos, and .* 30"):
        learning_curve(run)


@pytest.mark.slow
def test_a_stopped_curve_is_continued_and_ends_in_the_report(own_run, recorded):
    run = own_run
    with pytest.raises(ConfigError, match=r"0.1 min is too short: two parts .* take about"):
        learning_curve(run, minutes=0.1)
    with pytest.raises(StoppedError, match=f"pawsight learning-curve '{run.path}'"):
        learning_curve(run, progress=StopsBefore("Part 2 of 2"))
    eighth, quarter = (Run(run.path / "learning_curve" / f"1-of-{n}") for n in (8, 4))
    made = eighth.onnx_path.stat().st_mtime_ns

    found = learning_curve(run, progress=recorded)

    assert eighth.onnx_path.stat().st_mtime_ns == made
    whole, small, large = (
        Catalog.load(one.catalog_path, run.path) for one in (run, eighth, quarter)
    )
    assert set(small.part("train")) < set(large.part("train")) < set(whole.part("train"))
    assert set(small.part("test")) == set(whole.part("test"))
    assert [number for number, _ in found.points] == [
        len(one.part("train")) for one in (small, large, whole)
    ]
    assert found.points[-1][1] == pytest.approx(run.metrics["parts"]["test"]["accuracy"])
    assert (found.network, found.epochs, found.part) == ("colab", 2, "test")
    assert found.num_measured == len(whole.part("test"))
    assert load_curve(run.learning_curve_path) == found
    report = run.read_json(run.report_json_path)
    assert "Measured with colab itself" in report["more_photos"][0]
    assert verify(run).holds and verify(eighth).holds


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        ({"task": "multi-label"}, "its photos have several labels"),
        ({"pieces": [{"step": 0, "progress": 0, "per_step": 0.01}]}, "stopped its training before"),
        (
            {
                "kind": "linear_head",
                "head": {"views": [], "num_features": 1, "strength": 1.0, "cross_validation": []},
            },
            "its model is a fitted head",
        ),
    ],
)
def test_a_network_that_cannot_be_trained_again_on_parts_is_named(run, plan, reason, tmp_path):
    content = run.read_json(run.plan_path)
    copy = Run(tmp_path)
    for path, value in (
        (copy.plan_path, content | plan),
        (copy.config_path, run.read_json(run.config_path)),
        (copy.state_path, {"stage": "complete"}),
    ):
        path.write_text(json.dumps(value))
    with pytest.raises(RunError, match=reason):
        learning_curve(copy)


def test_a_run_that_is_not_complete_is_finished_first(run, tmp_path):
    copy = Run(tmp_path)
    copy.config_path.write_text(run.config_path.read_text())
    with pytest.raises(RunError, match=f"(?s)not complete.*pawsight resume {tmp_path}"):
        learning_curve(copy)


def choose(run, average):
    """Write that the average with a second network was kept, or was not."""
    scores = {"accuracy": 0.9, "log_loss": 0.1}
    choice = {"first": scores, "second": scores, "average": scores, "num_photos": 9}
    choice |= {"accuracy_title": "accuracy", "is_kept": average, "options": {}}
    run.averaging_path.parent.mkdir()
    run.averaging_path.write_text(json.dumps(choice))


PARTS = (8, 15, 30)  # an eighth, a quarter and half of the run's 59 training photos
# The run's steps took 10 and 80 seconds, its validation 5, and 15 are what is around a training.
SECONDS = [90 * count / 59 + 5 + 15 for count in PARTS]


@pytest.fixture
def untrained(own_run, monkeypatch, undrawn):
    """Three parts of a run, each of which takes the run's model instead of training.

    That takes `slowness` times what is expected; `wrong` are the mistakes of each, and of the first
    `lost` test photos have no prediction.
    """
    monkeypatch.setattr(curve_parts, "_DENOMINATORS", (8, 4, 2))
    run = own_run
    first, second = load_history(run.history_path)
    photos = run.read_json(run.plan_path)["batch_size"]
    rows = [
        dataclasses.replace(first, step=10, seconds=12, images_per_second=photos),
        dataclasses.replace(second, step=30, seconds=95, images_per_second=photos / 4),
        dataclasses.replace(second, is_average=True, step=30, seconds=95, images_per_second=0),
    ]
    save_history(rows, run.history_path)
    found = SimpleNamespace(run=run, slowness=1, trained=[], wrong=(5, 3, 2), lost=0)
    now = 1000.0

    def train_part(part, *_):
        nonlocal now
        shutil.copytree(run.path, part.run.path, ignore=shutil.ignore_patterns("learning_curve"))
        number = len(found.trained)
        found.trained.append(part.title)
        now += SECONDS[number] * found.slowness
        rows = load_predictions(part.run.predictions_path("test"))
        answers = rows.labels.copy()
        answers[: found.wrong[number]] = 1 - answers[: found.wrong[number]]
        rows = dataclasses.replace(rows, probs=np.eye(2)[answers])
        kept = np.arange(len(answers)) < len(answers) - (0 if number else found.lost)
        save_predictions(rows.only(kept), part.run.predictions_path("test"))

    monkeypatch.setattr(learning_curves, "train_part", train_part)
    monkeypatch.setattr(learning_curves, "time", SimpleNamespace(monotonic=lambda: now))
    return found


def test_a_curve_has_the_mistakes_of_each_part_on_the_photos_that_all_have(untrained):
    untrained.lost = 1
    choose(untrained.run, average=False)
    found = learning_curve(untrained.run)
    num_tested = untrained.run.metrics["parts"]["test"]["n"] - 1
    assert found.num_measured == num_tested
    assert [accuracy for _, accuracy in found.points[:3]] == pytest.approx(
        [1 - wrong / num_tested for wrong in (5, 3, 2)]
    )
    assert found.part == "test"


def test_the_time_of_all_parts_is_announced_and_they_are_trained_in_turn(untrained, recorded):
    learning_curve(untrained.run, progress=recorded)
    notes = [one for one in recorded.notes if one.startswith(("Training", "Part"))]
    assert notes == [
        "Training colab on 3 parts of the 59 training photos, 2 epochs each: about "
        f"{duration(sum(SECONDS))}.",
        *(f"Part {i + 1} of 3: {count} training photos." for i, count in enumerate(PARTS)),
    ]
    recorded.notes.clear()
    learning_curve(untrained.run, progress=recorded)
    assert len(untrained.trained) == 3
    assert not any(one.startswith(("Training", "Part")) for one in recorded.notes)


def test_too_few_minutes_are_refused_with_those_that_it_takes(untrained):
    two, whole = duration(sum(SECONDS[:2])), duration(sum(SECONDS))
    text = f"0.5 min is too short: two parts of the photos take about {two}, all 3 about {whole}."
    with pytest.raises(ConfigError, match=text):
        learning_curve(untrained.run, minutes=0.5)


@pytest.mark.parametrize("minutes", [0, -1, float("nan")])
def test_minutes_are_above_0(run, minutes):
    with pytest.raises(ConfigError, match="minutes must be above 0"):
        learning_curve(run, minutes=minutes)


@pytest.mark.parametrize(
    ("share", "slowness", "num_trained"),
    [(1.01, 1, 3), (0.99, 1, 2), (1.1, 1.2, 2), (1.5, 1.2, 3), (0.9, 0.7, 3)],
)
def test_the_largest_part_is_left_out_where_the_time_is_too_short_for_it(
    untrained, recorded, share, slowness, num_trained
):
    untrained.slowness = slowness
    minutes = share * sum(SECONDS) / 60
    found = learning_curve(untrained.run, minutes, recorded)
    assert [count for count, _ in found.points] == [*PARTS[:num_trained], 59]
    left = f"The rest of {minutes:g} min is too short for 30 training photos, which take about "
    left += f"{duration(SECONDS[-1] * slowness)}."
    assert (left in recorded.notes) is (num_trained == 2)


def test_parts_that_are_trained_take_no_time(untrained, recorded):
    untrained.slowness = 4
    learning_curve(untrained.run, minutes=1.5)  # time for two of them
    assert len(untrained.trained) == 2
    learning_curve(untrained.run, minutes=1.5, progress=recorded)
    assert len(untrained.trained) == 3
    assert any(note.endswith(f"about {duration(SECONDS[2])}.") for note in recorded.notes)


def test_a_run_whose_validations_took_no_time_is_expected_to_take_its_steps(untrained, recorded):
    rows = load_history(untrained.run.history_path)
    save_history([dataclasses.replace(row, seconds=50) for row in rows], untrained.run.history_path)
    learning_curve(untrained.run, progress=recorded)
    total = duration(sum(SECONDS) - 3 * 5)
    assert any(note.endswith(f"2 epochs each: about {total}.") for note in recorded.notes)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"start_from": "runs/first"}, "it started from a model that may have been trained on"),
        ({}, "its model is the average of two networks"),
    ],
)
def test_a_model_of_more_than_these_photos_or_of_two_networks_has_no_curve(own_run, change, reason):
    config = own_run.read_json(own_run.config_path)
    config["settings"] |= change
    own_run.config_path.write_text(json.dumps(config))
    choose(own_run, average=not change)
    with pytest.raises(RunError, match=f"cannot be trained on parts of its photos: {reason}"):
        learning_curve(own_run)


def test_an_optimizer_of_ones_own_is_to_be_given_again(own_run):
    plan = own_run.read_json(own_run.plan_path)
    own_run.plan_path.write_text(json.dumps(plan | {"optimizer": "own"}))
    with pytest.raises(RunError, match="trained with an optimizer of your own"):
        learning_curve(own_run)
