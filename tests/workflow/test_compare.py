"""`compare` and `runs` on finished runs."""

import importlib
import json
import os
import shutil
from datetime import datetime

import pytest
from typer.testing import CliRunner

import pawsight
from pawsight.cli.main import app
from pawsight.data.catalog import Catalog
from pawsight.errors import ConfigError, RunError
from pawsight.runs import Run


@pytest.fixture
def two_runs(run, tmp_path):
    """A run, and one whose answer to its first test photo is the other class."""
    folder = tmp_path / "runs"
    first, second = (shutil.copytree(run.path, folder / name) for name in ("first", "second"))
    path = Run(second).predictions_path("test")
    header, row, *rest = path.read_text().splitlines()
    cells = row.split(",")
    cells[-2:] = [f"{1 - float(cell):.6f}" for cell in cells[-2:]]
    path.write_text("\n".join([header, ",".join(cells), *rest]) + "\n")
    return first, second


def test_the_photo_that_changed_is_shown(two_runs, tmp_path):
    found = pawsight.compare(two_runs, tmp_path / "page.html")
    (changed,) = found.changed
    assert set(changed.answers) == {"cats", "dogs"}
    assert abs(found.runs[0].num_correct - found.runs[1].num_correct) == 1
    assert found.pairs[0].p_value == 1  # one photo shows nothing
    page = found.out.read_text()
    assert changed.path.split("/")[-1] in page
    assert "not shown" in page
    assert page.count("<img") == 1
    with pytest.raises(ConfigError, match="never overwrites"):
        pawsight.compare(two_runs, tmp_path / "page.html")
    with pytest.raises(ConfigError, match="two runs or more"):
        pawsight.compare(two_runs[:1])
    with pytest.raises(ConfigError, match="two runs or more"):
        pawsight.compare(str(two_runs[0]))


def test_a_run_that_is_not_complete_is_refused(two_runs):
    Run(two_runs[1]).state_path.write_text(json.dumps({"stage": "training"}))
    with pytest.raises(RunError, match="is not complete"):
        pawsight.compare(two_runs)


def test_a_list_that_is_cut_states_where_the_rest_is(two_runs, monkeypatch):
    monkeypatch.setattr(importlib.import_module("pawsight.cli.compare"), "_MAX_ROWS", 0)
    result = CliRunner().invoke(app, ["compare", *map(str, two_runs)])
    text = "1 photo answered differently; the first 0 are listed, --json lists all."
    assert text in result.stdout


def test_the_commands_print_tables(two_runs):
    result = CliRunner().invoke(app, ["compare", *map(str, two_runs)])
    assert result.exit_code == 0, result.stderr
    assert "1 photo answered differently." in result.stdout
    (two_runs[1] / "state.json").write_text(json.dumps({"stage": "training"}))
    (two_runs[0].parent / "no run").mkdir()
    result = CliRunner().invoke(app, ["runs", str(two_runs[0].parent)])
    assert result.exit_code == 0, result.stderr
    lines = {line.split()[0]: line for line in result.stdout.splitlines() if line.strip()}
    assert "complete" in lines["first"] and "colab" in lines["first"] and "80" in lines["first"]
    assert "stopped" in lines["second"]
    assert "no" not in lines
    result = CliRunner().invoke(app, ["runs", str(two_runs[0].parents[1])])
    assert "runs/first" in result.stdout and "runs/second" in result.stdout
    result = CliRunner().invoke(app, ["runs", str(two_runs[0])])
    assert [line.split()[0] for line in result.stdout.splitlines()[3:4]] == ["first"]
    found = json.loads(CliRunner().invoke(app, ["runs", str(two_runs[0].parent), "--json"]).stdout)
    assert {one["state"] for one in found} == {"complete", "stopped"}


def test_a_folder_without_runs_and_none_at_all(tmp_path):
    assert pawsight.list_runs(tmp_path) == []
    with pytest.raises(RunError, match="no folder"):
        pawsight.list_runs(tmp_path / "gone")


def test_a_run_began_when_its_log_did_whatever_the_dates_of_its_files(two_runs):
    os.utime(two_runs[0] / "config.json", (0, 0))  # as a copy may have it
    (two_runs[0] / "log.txt").write_text("2024-02-29 12:34:56  Listing photos\n")
    (two_runs[1] / "log.txt").unlink()
    os.utime(two_runs[1] / "config.json", (86400 * 365, 86400 * 365))
    began = {run.path.name: run.began for run in pawsight.list_runs(two_runs[0].parent)}
    assert began["first"] == datetime(2024, 2, 29, 12, 34, 56)
    assert began["second"].year == 1971


def test_a_photo_is_the_same_wherever_it_is_stored_and_equal_copies_are_paired(two_runs, tmp_path):
    first, second = map(Run, two_runs)
    num_tested = first.metrics["parts"]["test"]["n"]
    path = second.predictions_path("test")
    path.write_text(path.read_text().replace('"cats/', '"moved/').replace('"dogs/', '"moved/'))
    text = second.catalog_path.read_text()
    second.catalog_path.write_text(text.replace("cats/", "moved/").replace("dogs/", "moved/"))
    assert pawsight.compare(two_runs).num_photos == num_tested
    # Now the files of three photos have equal bytes.
    photos = [
        one for one in Catalog.load(first.catalog_path, tmp_path).photos if one.part == "test"
    ]
    for run in (first, second):
        text = run.catalog_path.read_text()
        for photo in photos[:3]:
            text = text.replace(photo.sha256, "0" * 64)
        run.catalog_path.write_text(text)
    found = pawsight.compare(two_runs)
    assert (found.num_photos, found.num_left_out) == (num_tested, 0)
    assert len(found.changed) == 1


def test_the_photos_of_the_first_run_are_shown(two_runs, tmp_path):
    for path in two_runs:
        config = json.loads((path / "config.json").read_text())
        config["root"] = str(tmp_path / path.name)
        (path / "config.json").write_text(json.dumps(config))
    assert pawsight.compare(two_runs).root == str(tmp_path / "first")


def test_a_run_of_several_labels_is_refused(two_runs):
    path = Run(two_runs[1]).model_path
    path.write_text(json.dumps(json.loads(path.read_text()) | {"task": "multi-label"}))
    with pytest.raises(RunError, match="second gives several labels a photo"):
        pawsight.compare(two_runs)


def test_runs_are_listed_with_their_scores_the_newest_first(two_runs, run):
    first, second = map(Run, two_runs)
    folder = first.path.parent
    fold = Run(folder / "folds" / "fold 1")
    shutil.copytree(first.path, fold.path)
    damaged = Run(shutil.copytree(first.path, folder / "a damaged one"))
    damaged.metrics_path.write_text("{")
    for one, date in ((second, 3), (fold, 9), (first, 5), (damaged, 1)):
        one.log_path.write_text(f"2024-02-0{date} 12:00:00  Listing photos\n")
    second.metrics_path.unlink()
    second.state_path.write_text('{"stage": "training"}')
    (folder / "no catalog").mkdir()
    (folder / "no catalog" / "config.json").write_text("{}")

    listed = pawsight.list_runs(folder)

    assert [one.path for one in listed] == [fold.path, first.path, second.path, damaged.path]
    assert [one.state for one in listed] == ["complete", "complete", "stopped", "damaged"]
    whole, stopped = listed[1:3]
    assert (whole.model, whole.num_photos, whole.part) == ("colab", 80, "test")
    assert (whole.score, whole.score_name) == (run.metrics["parts"]["test"]["accuracy"], "accuracy")
    assert (stopped.score, stopped.score_name, stopped.part, stopped.num_photos) == (
        None,
        "",
        "",
        80,
    )
    assert [one.path for one in pawsight.list_runs(first.path)] == [first.path]
