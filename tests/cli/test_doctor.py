"""`pawsight doctor`, with and without TensorFlow."""

import json
import tomllib
from email.message import Message
from pathlib import Path

import numpy as np
import PIL
import pytest

import pawsight as package
from pawsight import doctor

ROOT = Path(__file__).parents[2]


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
    assert findings["always"]["packages"]["pillow"].count(".") == 2


def test_every_extra_of_pyproject_has_a_description():
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(doctor._PURPOSES) == {"", *stated["optional-dependencies"]}


def test_extras_and_their_packages_are_those_of_the_metadata(without_tensorflow, monkeypatch):
    stated = Message()
    for extra in ("later", "train", "dev"):
        stated["Provides-Extra"] = extra
    stated["Requires-Dist"] = "pillow>=1"
    stated["Requires-Dist"] = "keras>=3; extra == 'train'"
    stated["Requires-Dist"] = "numpy>=2; extra == 'train'"
    stated["Requires-Dist"] = "no-such-thing; extra == 'later'"
    stated["Requires-Dist"] = "only-elsewhere; extra == 'later' and os_name == 'none'"
    monkeypatch.setattr(doctor, "metadata", lambda name: stated)
    findings = doctor.examine()
    assert list(findings["always"]["packages"]) == ["pillow"]
    assert list(findings["extras"]) == ["train", "later", "dev"]
    assert findings["extras"]["train"]["packages"] == {"keras": None, "numpy": np.__version__}
    assert findings["extras"]["later"]["packages"] == {"no-such-thing": None}
    assert findings["problems"] == []  # nobody needs to have them all


def test_a_package_that_is_too_old_is_a_problem_with_its_remedy(without_tensorflow, monkeypatch):
    stated = Message()
    stated["Provides-Extra"] = "serve"
    stated["Requires-Dist"] = "pillow>=999; extra == 'serve'"
    monkeypatch.setattr(doctor, "metadata", lambda name: stated)
    (problem,) = doctor.examine()["problems"]
    assert problem["problem"].startswith(f"pillow {PIL.__version__} is installed, and pillow>=999 ")
    assert problem["remedy"] == 'pip install "pawsight[serve]" --upgrade'


def test_what_every_installation_needs_is_a_problem_when_missing(without_tensorflow, monkeypatch):
    stated = Message()
    stated["Requires-Dist"] = "no-such-thing>=1"
    monkeypatch.setattr(doctor, "metadata", lambda name: stated)
    assert doctor.examine()["problems"] == [
        {
            "problem": "Missing, needed to audit photos, predict, sort: no-such-thing.",
            "remedy": "pip install pawsight",
        }
    ]


def test_doctor_works_from_source_code_that_is_not_installed(without_tensorflow, monkeypatch):
    def metadata(name):
        raise doctor.PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "metadata", metadata)
    (problem,) = doctor.examine()["problems"]
    assert "without being installed" in problem["problem"]


def test_doctor_prints_what_each_extra_gives_and_how_to_install_it(pawsight, without_tensorflow):
    result = pawsight("doctor")
    assert result.exit_code == 0, result.stderr
    recorded = " ".join(result.stdout.split())
    assert 'tensorflow not installed: pip install "pawsight[train]"' in recorded
    assert "serve a model over HTTP, with a web page" in recorded
    assert "unknown without TensorFlow" in recorded


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


@pytest.mark.parametrize("devices", [None, ["cpu"]])
def test_precision_is_measured_only_where_tensorflow_starts(monkeypatch, devices):
    measured = []
    monkeypatch.setattr(doctor, "find_spec", lambda name: object())
    monkeypatch.setattr(doctor, "_devices", lambda problems: devices)
    monkeypatch.setattr(doctor, "_precision", lambda problems: measured.append(1) or {"a": 1})
    found = doctor.examine()
    assert (found["devices"], found["precision"]) == (devices, {"a": 1} if devices else None)
    assert len(measured) == bool(devices)


@pytest.mark.parametrize(
    ("installed", "is_enough"), [("3.0rc1", True), ("2.0", True), ("1.9", False)]
)
def test_a_version_before_a_release_is_one_of_that_package(
    without_tensorflow, monkeypatch, installed, is_enough
):
    stated = Message()
    stated["Requires-Dist"] = "pillow>=2.0"
    monkeypatch.setattr(doctor, "metadata", lambda name: stated)
    monkeypatch.setattr(doctor, "version", lambda name: installed)
    findings = doctor.examine()
    assert findings["always"]["packages"] == {"pillow": installed}
    assert (findings["problems"] == []) is is_enough


def test_a_package_of_every_installation_is_no_package_of_an_extra(without_tensorflow, monkeypatch):
    stated = Message()
    stated["Provides-Extra"] = "serve"
    stated["Requires-Dist"] = "pillow>=1"
    stated["Requires-Dist"] = "pip>=1; extra == 'serve'"
    monkeypatch.setattr(doctor, "metadata", lambda name: stated)
    findings = doctor.examine()
    assert list(findings["always"]["packages"]) == ["pillow"]
    assert list(findings["extras"]["serve"]["packages"]) == ["pip"]
    assert findings["extras"]["serve"]["install"] == 'pip install "pawsight[serve]"'
    assert findings["extras"]["serve"]["gives"].startswith("serve a model")


def test_an_installation_that_states_nothing_needs_nothing(without_tensorflow, monkeypatch):
    monkeypatch.setattr(doctor, "metadata", lambda name: Message())
    findings = doctor.examine()
    assert (findings["always"]["packages"], findings["extras"]) == ({}, {})
    assert findings["problems"] == []
