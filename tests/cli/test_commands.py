"""The commands that call the workflow: what they pass on, and what they print."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pawsight.cli.train import print_run
from pawsight.machine import process_started
from pawsight.runs import Run


@pytest.fixture
def trained(monkeypatch):
    """Stand in for the training itself, and keep what the command passes on."""
    passed = {}

    def train(source, config, out, progress, **others):
        passed.update(source=source, config=config, out=out, **others)
        progress.note("A note.")
        return finished_run(Path(out))

    monkeypatch.setattr("pawsight.workflow.train", train)
    return passed


def finished_run(path: Path) -> Run:
    """A run folder that holds what a summary needs."""
    run = Run(path)
    run.metrics_path.parent.mkdir(parents=True)
    part = {"n": 2000, "accuracy": 0.871, "accuracy_interval": [0.8556, 0.8849]}
    run.metrics_path.write_text(json.dumps({"headline": "test", "parts": {"test": part}}))
    run.catalog_path.write_text("path,problem\na.jpg,\nb.jpg,empty file\n")
    run.report_path.write_text("<html>")
    return run


def test_train_passes_on_only_the_options_that_were_given(pawsight, trained, tmp_path):
    arguments = ["--epochs", 3, "--image-size", "120x160", "--out", tmp_path / "run"]
    result = pawsight("train", "photos", *arguments)
    assert result.exit_code == 0, result.stderr
    assert trained["source"] == "photos"
    assert trained["config"].model_fields_set == {"epochs", "image_size"}
    assert trained["config"].image_size == (120, 160)


def test_a_budget_counts_from_the_start_of_the_process(pawsight, trained, tmp_path):
    pawsight("train", "photos", "--minutes", 1, "--out", tmp_path / "run")
    assert trained["started"] == pytest.approx(process_started(), abs=1)
    assert trained["started"] < time.monotonic()


def test_one_number_is_a_square_image_size(pawsight, trained, tmp_path):
    pawsight("train", "photos", "--image-size", 96, "--out", tmp_path / "run")
    assert trained["config"].image_size == (96, 96)


def test_rare_settings_are_set_by_name(pawsight, trained, tmp_path):
    rare = ["--set", "keep_truncated=true", "--set", "split.test_fraction=0.2"]
    result = pawsight("train", "photos", *rare, "--group-by", "folder", "--out", tmp_path / "run")
    assert result.exit_code == 0, result.stderr
    assert trained["config"].keep_truncated
    assert trained["config"].split.test_fraction == 0.2
    assert trained["config"].split.group_by == "folder"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("bar", "NAME=VALUE"),
        ("bar=1", "bar"),
        ("split.fold=3", "fold is 3"),
        ("split=3", "'split' is a group of settings"),
    ],
)
def test_setting_that_cannot_be_is_wrong_usage(pawsight, trained, tmp_path, text, named):
    given = ["--set", text, "--group-by", "folder"]
    result = pawsight("train", "photos", *given, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert named in result.stderr


def test_the_number_of_folds_may_come_from_a_setting(pawsight, monkeypatch, tmp_path):
    passed = []

    def cross_validate(source, config, out, progress):
        passed.append(config.split.folds)
        return {"folder": "cv", "folds": [], "mean": SCORES, "std": SCORES}

    monkeypatch.setattr("pawsight.workflow.cross_validate", cross_validate)
    for given in (["--set", "split.folds=3"], ["--folds", 4, "--set", "split.folds=3"], []):
        result = pawsight("cross-validate", "photos", *given)
        assert result.exit_code == 0, result.stderr
    assert passed == [3, 4, None]  # None: the library's own default


SCORES = {"accuracy": 0.5, "balanced_accuracy": 0.5}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("settings.json", '{"epochs": 5, "seed": 7, "augment": {"rotation_range": 10}}'),
        (
            "config.json",
            '{"source": "x", "settings": '
            '{"epochs": 5, "seed": 7, "augment": {"rotation_range": 10}}}',
        ),
        ("settings.toml", "epochs = 5\nseed = 7\n[augment]\nrotation_range = 10\n"),
    ],
)
def test_options_win_over_the_settings_file(pawsight, trained, tmp_path, name, text):
    (tmp_path / name).write_text(text)
    arguments = ["--config", tmp_path / name, "--epochs", 2, "--out", tmp_path / "run"]
    assert pawsight("train", "photos", *arguments).exit_code == 0
    config = trained["config"]
    assert (config.epochs, config.seed, config.augment.rotation_range) == (2, 7, 10)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("gone.json", None, "cannot be read: No such file"),
        ("bad.json", "{", "cannot be understood"),
        ("bad.toml", "epochs = ", "cannot be understood"),
        ("list.json", "[1]", "must hold settings by name"),
        ("settings.yaml", "epochs: 3", "ends in .json or .toml"),
        ("typo.json", '{"epoch": 3}', "epoch: there is no such setting; is it epochs?"),
    ],
)
def test_settings_file_that_cannot_be_used_is_reported(
    pawsight, trained, tmp_path, name, text, message
):
    if text is not None:
        (tmp_path / name).write_text(text)
    result = pawsight("train", "photos", "--config", tmp_path / name)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not trained


def test_every_wrong_setting_is_reported_at_once(pawsight, trained):
    result = pawsight("train", "photos", "--minutes", "-1", "--learning-rate", "0")
    assert result.exit_code == 2
    assert "minutes: " in result.stderr
    assert "learning_rate: " in result.stderr


def test_epochs_and_minutes_together_are_refused(pawsight, trained):
    result = pawsight("train", "photos", "--minutes", 1, "--epochs", 1)
    assert result.exit_code == 2
    assert "give epochs or minutes, not both" in result.stderr


def test_train_ends_with_the_numbers_and_what_to_do_next(pawsight, trained, tmp_path):
    result = pawsight("train", "photos", "--out", tmp_path / "my run")
    assert "87.1 % (85.6 to 88.5)" in result.stdout
    assert "2,000 test photos" in result.stdout
    assert "could not be read  1" in result.stdout
    assert f"{tmp_path}/my run/report.html" in result.stdout
    assert f"pawsight predict PHOTO --model '{tmp_path}/my run'" in result.stdout
    assert result.stderr == "A note.\n"


def test_summary_speaks_of_unread_photos_only_if_there_are(tmp_path, capsys):
    run = finished_run(tmp_path / "run")
    run.catalog_path.write_text("path,problem\na.jpg,\n")
    print_run(run)
    assert "could not be read" not in capsys.readouterr().out


def test_evaluate_on_other_photos_prints_a_table(pawsight, colour_run, labelled):
    result = pawsight("evaluate", colour_run.path, labelled)
    assert result.exit_code == 0, result.stderr
    assert "100.0 %" in result.stdout
    assert "green" in result.stdout


def test_evaluate_as_json_is_nothing_but_json(pawsight, colour_run, labelled):
    result = pawsight("evaluate", colour_run.path, labelled, "--json")
    found = json.loads(result.stdout)
    # Four photos of each class; whether a copy counts twice is the workflow's business.
    assert found["parts"][found["headline"]]["accuracy"] == 1


def test_sample_reports_where_it_is_and_how_to_continue(pawsight, tmp_path):
    result = pawsight("sample", tmp_path / "drawn", "--count", 4)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{tmp_path}/drawn\n"
    assert "pawsight train" in result.stderr
    assert len(list((tmp_path / "drawn").rglob("*.*"))) == 4


@pytest.mark.parametrize("command", ["resume", "report", "learning-curve", "evaluate", "verify"])
def test_command_on_no_run_is_one_message(pawsight, tmp_path, command):
    result = pawsight(command, tmp_path)
    assert result.exit_code == 1
    assert "is not a run folder" in result.stderr


@pytest.mark.slow
def test_interrupted_training_ends_with_one_message(sound, tmp_path):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "pawsight", "train", sound, "--model", "colab"]
    options = ["--image-size", "32", "--epochs", "100000", "--out", out]
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if line.startswith("Training:"):
                break
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        left = process.stderr.read()
    assert process.returncode == 130, left
    assert left.count("Stopped") == 1
    assert f"pawsight resume {out}" in left
    assert "Traceback" not in left


def test_verify_prints_what_does_not_hold_and_ends_with_1(pawsight, make_colour_run):
    run = make_colour_run(sha256={"model.onnx": "0" * 64})
    result = pawsight("verify", run.path)
    assert result.exit_code == 1
    assert "Does not hold: " in result.stdout
    assert "model.onnx is damaged" in result.stdout
    found = pawsight("verify", run.path, "--json")
    assert json.loads(found.stdout)["holds"] is False


def test_verify_of_a_sound_model_ends_with_0(pawsight, colour_run):
    result = pawsight("verify", colour_run.path)
    assert result.exit_code == 0
    assert result.stdout.endswith(f"The run {colour_run.path} holds.\n")
