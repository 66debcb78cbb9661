"""The learning curve of a run's own network, from runs on parts of its photos."""

import json
import shutil

import pytest

from pawsight.data.catalog import Catalog
from pawsight.errors import ConfigError, DataError, RunError, StoppedError
from pawsight.evaluation.photo_needs import load_curve
from pawsight.progress import Silent
from pawsight.runs import Run
from pawsight.workflow import curve_parts, learning_curve, verify


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
