"""How runs are named beside each other."""

from pathlib import Path
from types import SimpleNamespace

from pawsight.report.comparison_page import short_names


def run(path, address=""):
    return SimpleNamespace(path=Path(path), address=address)


def test_runs_are_named_by_their_folders():
    runs = [run("/a/first"), run("/b/second"), run("/cache/x", "s3://bucket/runs/third")]
    assert short_names(runs) == ["first", "second", "third"]


def test_runs_of_one_name_are_named_by_their_places():
    runs = [run("/a/cats"), run("/b/dogs"), run("/cache/x", "s3://bucket/cats")]
    assert short_names(runs) == ["/a/cats", "/b/dogs", "s3://bucket/cats"]
