import json

import pytest
import tensorflow as tf

from pawsight.training import precision
from pawsight.training.precision import Precision, choose, of_gpu


def test_what_the_user_requests_is_taken():
    assert choose("bfloat16") == Precision("bfloat16", "as set")


def test_auto_measures_and_reports_what_it_found():
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


@pytest.mark.parametrize(
    ("seconds", "name", "reason"),
    [
        # float32 and bfloat16 in turn; the best of each counts: 10 over 8 is 1.25.
        ((10.0, 8.0), "bfloat16", "measured 1.2 times as fast as float32 here"),
        ((30.0, 10.0), "bfloat16", "measured 3.0 times as fast as float32 here"),
        ((10.0, 8.1), "float32", "bfloat16 measured 1.2 times as fast, which is not a clear gain"),
        ((5.0, 10.0), "float32", "bfloat16 measured 0.5 times as fast, which is not a clear gain"),
    ],
)
def test_bfloat16_is_taken_where_it_is_at_least_a_quarter_faster(
    monkeypatch, seconds, name, reason
):
    now, runs = [0.0], []

    def convolution(dtype):
        def run():
            runs.append(dtype)
            slower = 7.0 if len(runs) <= 2 else 0.0  # other work, during the first of each
            now[0] += seconds[dtype == tf.bfloat16] + slower

        return run

    monkeypatch.setattr(precision, "_convolution", convolution)
    monkeypatch.setattr(precision.time, "perf_counter", lambda: now[0])
    assert precision._measure() == Precision(name, reason)
    assert runs == [tf.float32, tf.bfloat16] * 6
