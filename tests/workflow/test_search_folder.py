"""The folder of a search holds the settings that it began with, and nothing else at first."""

import json

import pytest

from pawsight.config import TrainConfig
from pawsight.errors import RunError
from pawsight.workflow.search_folder import search_folder

CONFIG = TrainConfig(model="swift", minutes=3)


def test_a_search_continues_in_its_folder_with_its_settings(tmp_path):
    out = tmp_path / "new" / "search"
    assert search_folder("photos", out, CONFIG) == out
    assert json.loads((out / "tuning.json").read_text())["minutes"] == 3
    (out / "trials").mkdir()
    assert search_folder("photos", str(out), CONFIG) == out
    with pytest.raises(RunError, match="holds a search with other settings"):
        search_folder("photos", out, TrainConfig(model="swift", minutes=4))


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    assert search_folder("photos", tmp_path / "empty", CONFIG) == tmp_path / "empty"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.txt").touch()
    with pytest.raises(RunError, match="is not empty"):
        search_folder("photos", tmp_path / "other", CONFIG)


def test_without_a_folder_it_is_one_of_the_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = search_folder("photos", None, CONFIG)
    assert folder.parent.name == "runs"
    assert folder.name.endswith("-photos-tuning")
