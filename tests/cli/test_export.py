"""`pawsight export`: what it prints, and its exit codes."""

import dataclasses
import json

import pytest

from pawsight.exporting import colab_notebook
from pawsight.exporting.formats import FORMATS


@pytest.fixture
def photos(save_photo, tmp_path):
    """A photo of each class of the colour run."""
    for colour in ("red", "green", "blue"):
        save_photo(f"photos/{colour}/one.png", colour)
    return tmp_path / "photos"


def test_it_shows_what_was_compared(pawsight, colour_run, photos, tmp_path):
    out = tmp_path / "out"
    done = pawsight("export", colour_run.path, "--photos", photos, "--out", out)
    assert done.exit_code == 0
    assert "Compared with the model on 3 photos" in done.stdout
    assert "100.00 % (model 100.00 %)" in done.stdout
    assert (out / "README.md").is_file()


def test_json_has_every_number(pawsight, colour_run, photos, tmp_path):
    done = pawsight(
        "export", colour_run.path, "--photos", photos, "--out", tmp_path / "out", "--json"
    )
    (found,) = json.loads(done.stdout)
    assert found["path"] == str(tmp_path / "out")
    assert (found["format"], found["num_photos"], found["accuracy"]) == ("onnx", 3, 1.0)


def test_an_unknown_format_is_wrong_usage(pawsight, colour_run):
    done = pawsight("export", colour_run.path, "--format", "coreml")
    assert done.exit_code == 2
    assert "Choose one or more of these with --format" in done.stderr
    assert "onnx-int8" in done.stderr


def test_what_is_there_is_shown_when_the_next_format_fails(
    pawsight, colour_run, photos, tmp_path, monkeypatch
):
    def fail(*_):
        raise RuntimeError("no such cell")

    failing = dataclasses.replace(colab_notebook.FORMAT, write=fail)
    monkeypatch.setitem(FORMATS, "colab", failing)
    done = pawsight(
        *("export", colour_run.path, "--photos", photos, "--out", tmp_path / "out"),
        *("--format", "onnx", "--format", "colab"),
    )
    assert done.exit_code == 1
    assert "100.00 %" in done.stdout
    assert "cannot be exported to colab: no such cell" in done.stderr
