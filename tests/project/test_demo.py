"""The words the demo ends with, worked out from a run's numbers."""

import json
import runpy

import pytest

from .conftest import ROOT


@pytest.fixture(scope="module")
def demo():
    return runpy.run_path(str(ROOT / "examples" / "demo.py"))


@pytest.fixture
def summary(demo, tmp_path):
    def write(**numbers):
        run = tmp_path / "run"
        (run / "evaluation").mkdir(parents=True)
        metrics = {"headline": "test", "parts": {"test": numbers}}
        (run / "evaluation" / "metrics.json").write_text(json.dumps(metrics))
        return demo["summary"](run, tmp_path / "new", seconds=150)

    return write


def test_demo_reports_how_good_the_model_is_and_where_to_look(summary, tmp_path):
    text = summary(
        n=180,
        num_correct=171,
        accuracy=0.95,
        accuracy_interval=[0.908, 0.973],
        baseline_accuracy=0.5,
        baseline_class="cats",
    )
    assert "in 2.5 minutes" in text
    assert "got 171 right: 95.0%" in text
    assert "90.8% to 97.3%" in text
    assert str(tmp_path / "run" / "report.html") in text
    assert "easier than real photos" in text


def test_demo_admits_that_a_model_is_no_better_than_guessing(summary):
    text = summary(
        n=180,
        num_correct=92,
        accuracy=0.511,
        accuracy_interval=[0.439, 0.583],
        baseline_accuracy=0.5,
        baseline_class="cats",
    )
    assert "learnt nothing worth having" in text
    assert "easier than real photos" not in text


def test_demo_takes_a_new_folder_each_time(demo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = demo["fresh_folder"](), demo["fresh_folder"]()
    assert first != second
    assert first.is_dir() and second.is_dir()
