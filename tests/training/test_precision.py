import json

import pytest

from pawsight.training import precision
from pawsight.training.precision import Precision, choose, of_gpu


def test_what_the_user_asks_for_is_taken():
    assert choose("bfloat16") == Precision("bfloat16", "as set")


def test_auto_measures_and_says_what_it_found():
    chosen = choose("auto")
    assert chosen.name in {"float32", "bfloat16"}
    assert "measured" in chosen.reason
    assert "times as fast" in chosen.reason


def test_what_was_measured_is_kept_and_a_second_run_decides_alike(tmp_path, monkeypatch):
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path))
    first = choose("auto")
    monkeypatch.setattr(precision, "_measure", None)
    assert choose("auto") == first
    assert json.loads((tmp_path / "precision.json").read_text()).popitem()[1]["name"] == first.name


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', '{"a": {"name": "int3", "reason": ""}}'])
def test_a_damaged_file_of_what_was_measured_is_written_anew(tmp_path, monkeypatch, content):
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path))
    (tmp_path / "precision.json").write_text(content)
    measured = Precision("bfloat16", "measured 2.0 times as fast as float32 here")
    monkeypatch.setattr(precision, "_measure", lambda: measured)
    assert choose("auto") == measured
    monkeypatch.setattr(precision, "_measure", None)
    assert choose("auto") == measured


@pytest.mark.parametrize(
    ("capability", "expected"),
    [
        ((9, 0), "bfloat16"),
        ((8, 0), "bfloat16"),
        ((7, 5), "float16"),
        ((7, 0), "float16"),
        ((6, 1), "float32"),
        (None, "float32"),
    ],
)
def test_a_gpu_takes_the_format_of_its_generation(capability, expected):
    assert of_gpu("Some GPU", capability).name == expected
