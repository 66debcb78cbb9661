"""`pawsight doctor --bundle`: what is in the zip, and what never is."""

import json
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def findings(monkeypatch):
    """What doctor finds, without starting TensorFlow."""
    found = {"pawsight": "0.1.0", "python": f"3.11 ({Path.home()}/.venv/bin/python)"}
    monkeypatch.setattr("pawsight.doctor.examine", lambda: found)


@pytest.fixture
def failed_run(colour_run):
    """A run whose log and settings hold what must not leave the machine, beside photos."""
    source = "https://tom:hunter2@example.com/pets.zip?X-Amz-Signature=abcdef0123456789abcdef0123"
    colour_run.config_path.write_text(json.dumps({"source": source}))
    colour_run.log_path.write_text(f"Fetching {source}\nReading {Path.home()}/photos/tom.jpg\n")
    colour_run.data_page_path.write_text("<img>")
    (colour_run.path / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    return colour_run


def contents(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_report_holds_versions_settings_and_log_and_no_photo(pawsight, failed_run, tmp_path):
    path = tmp_path / "report.zip"
    result = pawsight("doctor", "--bundle", path, "--run", failed_run.path)
    assert result.exit_code == 0, result.output
    found = contents(path)
    assert set(found) == {
        "doctor.json",
        "packages.txt",
        "run/config.json",
        "run/log.txt",
        "run/model.json",
    }
    assert all(name in result.stdout for name in found)
    assert json.loads(found["doctor.json"])["pawsight"] == "0.1.0"
    assert "\nnumpy==" in found["packages.txt"]


def test_report_holds_no_password_signature_or_home_folder(pawsight, failed_run, tmp_path):
    pawsight("doctor", "--bundle", tmp_path / "report.zip", "--run", failed_run.path)
    text = "".join(contents(tmp_path / "report.zip").values())
    for secret in ("hunter2", "tom:", "abcdef0123456789", str(Path.home())):
        assert secret not in text
    assert "Reading ~/photos/tom.jpg" in text
    assert "example.com/pets.zip" in text


def test_report_without_a_run_has_the_machine_alone(pawsight, tmp_path):
    assert pawsight("doctor", "--bundle", tmp_path / "report.zip").exit_code == 0
    assert set(contents(tmp_path / "report.zip")) == {"doctor.json", "packages.txt"}


def test_existing_file_is_not_overwritten(pawsight, tmp_path):
    path = tmp_path / "report.zip"
    path.write_text("mine")
    result = pawsight("doctor", "--bundle", path)
    assert result.exit_code != 0
    assert path.read_text() == "mine"


def test_a_run_without_a_bundle_is_refused(pawsight, failed_run):
    result = pawsight("doctor", "--run", failed_run.path)
    assert result.exit_code == 2
    assert "--bundle" in result.output


def test_a_link_out_of_the_run_is_not_followed(pawsight, failed_run, tmp_path):
    (tmp_path / "private.txt").write_text("hunter2")
    failed_run.log_path.unlink()
    failed_run.log_path.symlink_to(tmp_path / "private.txt")
    result = pawsight("doctor", "--bundle", tmp_path / "report.zip", "--run", failed_run.path)
    assert result.exit_code == 0, result.output
    assert "run/log.txt" not in contents(tmp_path / "report.zip")
