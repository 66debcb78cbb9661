"""Setting up follows the machine's own package settings and stops with advice."""

import re
import runpy
import shutil
import subprocess
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


@pytest.mark.parametrize("version", [(3, 10), (3, 15)])
def test_another_python_is_refused_with_advice(install, monkeypatch, version):
    monkeypatch.setattr(sys, "version_info", (*version, 1, "final", 0))
    problem = install["problem_of_python"]()
    assert f"Python 3.{version[1]}, and pawsight's environment needs 3.11 to 3.14" in problem
    assert "make install PYTHON=" in problem


@pytest.mark.parametrize("minor", [11, 14])
def test_oldest_and_newest_python_are_used(install, monkeypatch, minor):
    monkeypatch.setattr(sys, "version_info", (3, minor, 0, "final", 0))
    assert install["problem_of_python"]() is None


def test_missing_venv_module_is_named_with_the_package_to_install(install, monkeypatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    assert "apt install python3-venv" in install["problem_of_python"]()


# Run by a shell in place of a Python: one too new, one of pyenv's that is not active, one that can.
TOO_NEW = f"""exec {sys.executable} -c '
import runpy, sys
sys.version_info = (3, 15, 0, "final", 0)
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")' "$@"
"""
INACTIVE = "echo not active >&2; exit 127\n"
SUITABLE = 'case "$*" in *--check*) exit 0;; esac; echo "called: $*"\n'


@pytest.fixture
def make_install(tmp_path):
    """Run `make install` where only the given commands are named like a Python."""
    for tool in ("make", "awk", "grep", "sh", "touch"):
        (tmp_path / tool).symlink_to(shutil.which(tool))

    def run(*arguments, **pythons):
        for name, script in pythons.items():
            path = tmp_path / name.replace("_", ".")
            path.write_text(f"#!/bin/sh\n{script}")
            path.chmod(0o755)
        command = ["make", "-f", ROOT / "Makefile", "-o", "requirements/lock.txt", "install"]
        command += [f"VENV={tmp_path / 'venv'}", *arguments]
        env = {"PATH": str(tmp_path)}
        options = {"capture_output": True, "text": True, "check": False, "cwd": ROOT}
        return subprocess.run(command, env=env, **options)

    return run


def test_make_uses_another_python_where_python3_is_unsuitable(make_install, tmp_path):
    done = make_install(python3=TOO_NEW, python3_13=INACTIVE, python3_12=SUITABLE)
    assert done.returncode == 0, done.stderr
    assert "is Python 3.15, and pawsight's environment needs 3.11 to 3.14" in done.stdout
    assert f"Using {tmp_path / 'python3.12'} instead." in done.stdout
    assert f"called: requirements/install.py {tmp_path / 'venv'}" in done.stdout


def test_make_uses_another_python_where_there_is_no_python3(make_install, tmp_path):
    done = make_install(python3_12=SUITABLE)
    assert done.returncode == 0, done.stderr
    assert f"called: requirements/install.py {tmp_path / 'venv'} --search" in done.stdout


def test_make_ends_with_advice_where_no_python_is_suitable(make_install):
    done = make_install(python3=TOO_NEW, python3_13=INACTIVE)
    assert done.returncode != 0
    assert "is Python 3.15, and pawsight's environment needs 3.11 to 3.14" in done.stderr
    assert "make install PYTHON=" in done.stderr


def test_a_python_that_was_named_is_not_replaced(make_install):
    done = make_install("PYTHON=python3", python3=TOO_NEW, python3_12=SUITABLE)
    assert done.returncode != 0
    assert "is Python 3.15" in done.stderr


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


def test_licence_of_every_locked_package_is_listed():
    lock = (ROOT / "requirements" / "lock.txt").read_text(encoding="utf-8")
    page = (ROOT / "requirements" / "licenses.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\S+) \| ([^|]+) \| [^|]+ \|$", page, re.MULTILINE))
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE):
        assert version in rows.get(name, "").split(", "), f"{name}: run make licenses"


def test_audit_without_a_connection_ends_with_advice(tmp_path, monkeypatch):
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\necho 'error: Failed to fetch: simple/pip-audit/' >&2; exit 2\n")
    uv.chmod(0o755)
    script = runpy.run_path(str(ROOT / "requirements" / "audit.py"))
    monkeypatch.setitem(script["main"].__globals__, "UV", uv)
    monkeypatch.setattr(sys, "argv", ["audit.py"])
    with pytest.raises(SystemExit, match="cannot be reached"):
        script["main"]()
