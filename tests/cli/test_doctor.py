"""`pawsight doctor`, with and without TensorFlow."""

import json

import pytest

import pawsight as package
from pawsight import doctor


@pytest.fixture
def without_tensorflow(monkeypatch):
    """An installation for predicting only."""
    found = doctor.version

    def version(name):
        if name.startswith(("tensorflow", "keras")):
            raise doctor.PackageNotFoundError(name)
        return found(name)

    monkeypatch.setattr(doctor, "version", version)
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)


def test_findings_can_be_written_as_json(without_tensorflow):
    findings = json.loads(json.dumps(doctor.examine()))
    assert findings["pawsight"] == package.__version__
    assert findings["processor"]["cores"] >= 1
    assert findings["memory_bytes"] > 2**28
    assert findings["cache"]["free_bytes"] > 0
    assert findings["packages"]["pillow"].count(".") == 2


def test_missing_packages_come_with_the_command_that_installs_them(without_tensorflow):
    (problem,) = doctor.examine()["problems"]
    assert problem == {
        "problem": "Missing, needed to train: tensorflow, keras.",
        "remedy": 'pip install "pawsight[train]"',
    }


def test_doctor_prints_what_is_missing(pawsight, without_tensorflow):
    result = pawsight("doctor")
    assert result.exit_code == 0, result.stderr
    assert 'pip install "pawsight[train]"' in result.stdout
    assert "unknown: TensorFlow is needed to tell" in result.stdout


def test_doctor_as_json_is_nothing_but_json(pawsight, without_tensorflow):
    found = json.loads(pawsight("doctor", "--json").stdout)
    assert found["devices"] is None
    assert found["precision"] is None


def test_tensorflow_that_does_not_start_is_a_finding(monkeypatch, without_tensorflow):
    def fail():
        raise ImportError("libsomething.so: no such file")

    monkeypatch.setattr(doctor, "find_spec", lambda name: True)
    monkeypatch.setattr(doctor, "prepare_tensorflow", fail)
    problems = [found["problem"] for found in doctor.examine()["problems"]]
    assert "TensorFlow is installed but does not start: libsomething.so: no such file" in problems


def test_windows_with_tensorflow_hints_at_wsl(monkeypatch, without_tensorflow):
    monkeypatch.setattr(doctor, "find_spec", lambda name: True)
    monkeypatch.setattr(doctor, "_devices", lambda problems: None)
    monkeypatch.setattr(doctor.sys, "platform", "win32")
    assert any("WSL2" in found["remedy"] for found in doctor.examine()["problems"])


@pytest.mark.slow
def test_doctor_measures_the_precision_where_tensorflow_is(pawsight_process):
    done = pawsight_process("doctor", "--json")
    found = json.loads(done.stdout)
    assert found["precision"]["choice"] in ("float32", "bfloat16")
    assert any("CPU" in device for device in found["devices"])
    assert done.stderr == b""
