"""The run folder: how it begins, who may train it, and what a damaged one says."""

import json
import os
import subprocess
import sys

import pytest

import pawsight.runs
from pawsight.config import TrainConfig
from pawsight.errors import DiskError, RunError
from pawsight.results_folders import (
    check_outside,
    default_dirs,
    default_results_dir,
    results_dir,
)
from pawsight.run_config import RunConfig
from pawsight.runs import Run, check_new
from pawsight.storage.atomic import write_json


def _write(run):
    config = RunConfig(source="photos", name="pets", root="/photos", settings=TrainConfig())
    write_json(run.config_path, config.model_dump(mode="json"))


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path / "run", "pets", tmp_path, _write)


@pytest.mark.parametrize("is_there", [False, True])
def test_a_run_begins_in_a_folder_that_is_new_or_empty(tmp_path, is_there):
    if is_there:
        (tmp_path / "run").mkdir()
    run = Run.create(tmp_path / "run", "pets", tmp_path, _write)
    assert Run.open(run.path).load_config().name == "pets"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_where_a_run_has_begun_the_command_that_continues_it_is_named(run, tmp_path):
    with pytest.raises(RunError, match=r"is not empty(.|\n)*pawsight resume .*run\n"):
        check_new(run.path)
    write_json(run.state_path, {"stage": "complete"})
    with pytest.raises(RunError) as raised:
        check_new(run.path)
    assert "resume" not in str(raised.value)


def test_the_command_that_continues_a_run_can_be_copied_into_a_shell(tmp_path):
    run = Run.create(tmp_path / "my cats", "pets", tmp_path, _write)
    with pytest.raises(RunError, match=r"pawsight resume '.*my cats'\n"):
        check_new(run.path)
    with pytest.raises(RunError, match=r"pawsight resume '.*my cats'$"):
        run.read_json(run.metrics_path)


def test_files_of_another_program_are_not_proposed_for_removal(tmp_path):
    for name in ("config.json", "state.json"):
        (tmp_path / name).write_text('{"theirs": 1}')
    with pytest.raises(RunError, match=r"is not empty.*\nChoose another --out folder"):
        check_new(tmp_path)


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_run_never_begins_where_something_is(tmp_path, kind):
    place = tmp_path / "run"
    if kind == "folder":
        place.mkdir()
        (place / "notes.txt").write_text("mine")
    else:
        place.write_text("mine")
    with pytest.raises(RunError, match="is not empty"):
        Run.create(place, "pets", tmp_path, _write)


def test_a_run_that_cannot_be_begun_leaves_nothing(tmp_path):
    def fail(run):
        run.catalog_path.write_text("path")
        raise DiskError("The disk is full")

    with pytest.raises(DiskError, match="The disk is full"):
        Run.create(tmp_path / "run", "pets", tmp_path, fail)
    assert list(tmp_path.iterdir()) == []


def test_a_mounted_folder_which_cannot_be_replaced_is_written_into(tmp_path, monkeypatch):
    def refuse(folder):
        raise DiskError(f"Cannot write {folder}: Device or resource busy.")

    (tmp_path / "run").mkdir()
    monkeypatch.setattr(pawsight.runs, "new_folder", refuse)
    assert Run.create(tmp_path / "run", "pets", tmp_path, _write).load_config().name == "pets"


def test_runs_of_one_second_are_numbered(tmp_path):
    made = [Run.create(None, "my pets", tmp_path, _write).path.name for _ in range(2)]
    first = made[0]
    assert first.endswith("-my-pets")
    assert made[1].startswith(first) or made[1].endswith("-my-pets")
    name = next(default_dirs("my pets", tmp_path)).name
    (tmp_path / name).mkdir(exist_ok=True)
    assert next(default_dirs("my pets", tmp_path)).name != name


def test_a_run_that_another_process_trains_is_refused_by_that_process_id(run):
    script = (
        "import sys, pawsight\n"
        "with pawsight.Run(sys.argv[1]).locked():\n"
        "    print('locked', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(run.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout.readline() == "locked\n"
        named = f"is being trained by process {other.pid} "
        with pytest.raises(RunError, match=named), run.locked():
            pass
        other.kill()  # the lock goes with the process
        other.wait()
        with run.locked():
            pass


def test_a_state_without_a_stage_is_damaged(run):
    write_json(run.state_path, {"seconds": 3})
    with pytest.raises(RunError, match=r"(?s)names no stage.*pawsight resume"):
        _ = run.is_complete


ODD_COLUMNS = '{"source": "a", "name": "b", "root": "c", "settings": {"source": {"columns": %s}}}'


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"source": 7}',
        '{"source": "a", "name": "b", "root": "c", "settings": []}',
        '{"source": "a", "name": "b", "root": "c", "settings": {"epochs": "many"}}',
        '{"source": "a", "name": "b", "root": "c", "settings": {"epoch": 3}}',
        ODD_COLUMNS % '"\\ud800"',
        ODD_COLUMNS % '{"path": 1}',
        "[" * 100_000,
    ],
)
def test_an_odd_config_is_a_plain_error(run, content):
    run.config_path.write_text(content)
    with pytest.raises(RunError, match=r"config\.json"):
        run.load_config()


def test_a_config_may_hold_a_path_that_is_not_utf_8(tmp_path):
    source = os.fsdecode(b"/photos/caf\xe9")

    def write(run):
        config = RunConfig(source=source, name="pets", root=source, settings=TrainConfig())
        write_json(run.config_path, config.model_dump(mode="json"))

    run = Run.create(tmp_path / "run", "pets", tmp_path, write)
    assert run.load_config().source == source


def test_odd_metrics_are_a_plain_error(run):
    run.metrics_path.parent.mkdir()
    run.metrics_path.write_text("[1]")
    with pytest.raises(RunError, match=r"(?s)metrics\.json is damaged.*from a backup"):
        _ = run.metrics


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(RunError, match="There is no run folder"):
        Run.open(tmp_path / "gone")
    with pytest.raises(RunError, match="is not a run folder"):
        Run.open(tmp_path)


def test_a_notebook_shows_the_figures_and_the_path_as_text(tmp_path):
    run = Run(tmp_path / "<b>run")
    run.figures_dir.mkdir(parents=True)
    (run.figures_dir / "b loss.png").write_bytes(b"second")
    (run.figures_dir / "a accuracy.png").write_bytes(b"first")
    (run.figures_dir / "a accuracy.svg").write_bytes(b"not shown")
    shown = run._repr_html_()
    assert "&lt;b&gt;run</code>" in shown and "<b>run" not in shown
    first, second = "base64,Zmlyc3Q=", "base64,c2Vjb25k"  # "first" and "second"
    assert shown.count("<img") == 2
    assert 0 < shown.index('alt="a accuracy"') < shown.index(first) < shown.index(second)


def test_results_lie_beside_the_photos_one_stands_in(tmp_path, monkeypatch):
    (tmp_path / "photos" / "cats").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert str(results_dir("runs", "photos")) == "runs"
    monkeypatch.chdir(tmp_path / "photos" / "cats")
    assert results_dir("runs", tmp_path / "photos") == (tmp_path / "runs").resolve()


def test_results_are_never_written_among_the_photos(tmp_path):
    (tmp_path / "photos").mkdir()
    check_outside(tmp_path / "photos-run", tmp_path / "photos")
    for folder in (tmp_path / "photos", tmp_path / "photos" / "run"):
        with pytest.raises(RunError, match="ever written among the photos"):
            check_outside(folder, tmp_path / "photos")


def test_what_config_json_holds_is_json_of_plain_settings(run):
    saved = json.loads(run.config_path.read_text())
    assert saved["settings"]["model"] == TrainConfig().model
    assert saved["source"] == "photos"


def test_a_device_in_a_stranger_s_run_is_refused_before_it_is_read_without_end(run):
    (run.path / "model").mkdir()
    (run.path / "model" / "model.onnx").symlink_to("/dev/zero")
    with pytest.raises(RunError, match=r"model\.onnx is a device or pipe, which is not read"):
        Run.open(run.path)


def test_links_to_files_and_folders_and_broken_links_stay_allowed(run, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (run.path / "model").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (run.path / "plan.json").symlink_to(run.config_path)
    (run.path / "audit.json").symlink_to(tmp_path / "absent")
    assert Run.open(run.path).path == run.path


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("photos.v2", "photos.v2"),
        ("pets.zip", "pets"),
        ("https://ann:secret@127.0.0.1:8000/", "127.0.0.1-8000"),
        ("https://example.org/sets/pets.zip?token=1", "pets"),
        ("s3://bucket", "bucket"),
        ("s3://bucket/pets #1", "pets-1"),
    ],
)
def test_results_are_named_after_their_source(tmp_path, monkeypatch, source, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos.v2").mkdir()
    folder = default_results_dir("audits", source, "-folds")
    assert folder.parent.name == "audits"
    assert folder.name[18:] == f"{name}-folds"
