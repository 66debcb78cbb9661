"""Setting up follows the machine's own package settings and stops with advice."""

import runpy
import sys

import pytest

from .conftest import ROOT

SETTINGS = (
    "PIP_CERT PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_INDEX_URL PIP_NO_INDEX PIP_TRUSTED_HOST "
    "UV_DEFAULT_INDEX UV_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL UV_FIND_LINKS UV_INDEX_STRATEGY "
    "UV_CONFIG_FILE XDG_CONFIG_HOME"
)


@pytest.fixture
def install(monkeypatch, tmp_path):
    """The script, on a machine whose only settings are a pip.conf of ours."""
    for name in SETTINGS.split():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    pip_conf = tmp_path / "pip.conf"
    pip_conf.write_text(
        "[global]\nindex-url = https://mirror.example/simple\n"
        "extra-index-url =\n    https://a.example/simple\n    https://b.example/simple\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(pip_conf))
    script = runpy.run_path(str(ROOT / "requirements" / "install.py"))
    monkeypatch.setitem(script["uv_settings"].__globals__, "SYSTEM_CONFIG", tmp_path / "none")
    return script


def test_uv_fetches_from_where_pip_would(install):
    found = install["uv_settings"](sys.executable)
    assert found["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert found["UV_INDEX"] == "https://a.example/simple https://b.example/simple"


def test_environment_counts_before_the_file_as_for_pip(install, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://other.example/simple")
    found = install["uv_settings"](sys.executable)
    assert found["UV_DEFAULT_INDEX"] == "https://other.example/simple"


def test_a_users_own_uv_settings_are_left_alone(install, monkeypatch):
    monkeypatch.setenv("UV_INDEX_URL", "https://uv.example/simple")
    found = install["uv_settings"](sys.executable)
    assert "UV_DEFAULT_INDEX" not in found
    assert "UV_INDEX" not in found


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_another_python_is_refused_with_advice(install, monkeypatch, capsys, version):
    monkeypatch.setattr(sys, "version_info", (*version, 1, "final", 0))
    with pytest.raises(SystemExit):
        install["check_python"]()
    told = capsys.readouterr().err
    assert f"Python 3.{version[1]}" in told
    assert "make install PYTHON=" in told


def test_missing_venv_module_is_named_with_the_package_to_install(install, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(SystemExit):
        install["check_python"]()
    assert "apt install python3-venv" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["Makefile", "requirements", ".ci"])
def test_set_up_names_no_address_of_its_own(name):
    path = ROOT / name
    files = [path] if path.is_file() else [one for one in path.iterdir() if one.is_file()]
    assert files
    for file in files:
        assert "://" not in file.read_text(encoding="utf-8"), file.name


def test_every_locked_package_has_a_hash():
    for name in ("lock.txt", "uv.txt"):
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        entries = [line for line in text.splitlines() if line and line[0].isalnum()]
        assert entries
        assert all(line.endswith("\\") for line in entries)
        assert text.count("--hash=sha256:") >= len(entries)
