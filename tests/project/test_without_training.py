"""What `pip install pawsight` brings is enough to predict: no TensorFlow, nothing of the extras."""

import csv
import importlib.metadata
import io
import re
import subprocess
import sys
import tomllib

import pytest

from .conftest import ROOT

# A Python in which only the packages named in argv can be imported, beside its own library.
PROGRAM = """
import importlib.metadata, sys
from importlib.abc import MetaPathFinder

allowed, refused = set(sys.argv[1].split(",")), set()
for module, packages in importlib.metadata.packages_distributions().items():
    if not {name.lower().replace("_", "-") for name in packages} & allowed:
        refused.add(module)
assert {"tensorflow", "keras"} <= refused, refused

class Refuse(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in refused:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refuse())
"""
# What is refused is looked for without success, as what is not installed.
NOT_FOUND = """
import importlib.util
found = importlib.util.find_spec

def find_spec(name, package=None):
    try:
        return found(name, package)
    except ModuleNotFoundError:
        return None

importlib.util.find_spec = find_spec
"""
COMMAND = (
    PROGRAM
    + """
assert {"sklearn", "scipy", "matplotlib"} <= refused, refused
sys.argv[:2] = ["pawsight"]
from pawsight.cli.main import main
main()
"""
)
CALL = (
    PROGRAM
    + """
assert {"sklearn", "scipy", "matplotlib"} <= refused, refused
import pawsight
(found,) = pawsight.load().predict(sys.argv[2])
assert found.label in ("cats", "dogs") and not found.error, found
assert pawsight.load().predict(sys.argv[2], tta=True)[0].label
"""
)


def needed_by(package: str) -> set[str]:
    """The packages that come with one, itself included, without its extras."""
    found: set[str] = set()
    todo = [package]
    while todo:
        name = re.sub(r"[-_.]+", "-", todo.pop()).lower()
        if name in found:
            continue
        found.add(name)
        try:
            requirements = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system
        todo += [re.match(r"[\w.-]+", one)[0] for one in requirements if "extra ==" not in one]
    return found


@pytest.fixture(scope="module")
def run():
    allowed = ",".join(sorted(needed_by("pawsight")))
    assert "onnxruntime" in allowed
    assert "tensorflow" not in allowed

    def start(program, *arguments):
        return subprocess.run(
            [sys.executable, "-c", program, allowed, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return start


@pytest.mark.slow
def test_command_predicts(run, save_photo):
    done = run(COMMAND, "predict", save_photo("a.png"), save_photo("b.png", "blue"))
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["error"] for row in rows] == ["", ""]
    assert {row["label"] for row in rows} <= {"cats", "dogs"}


@pytest.mark.slow
def test_python_predicts(run, save_photo):
    done = run(CALL, save_photo("a.png"))
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_head_is_fitted_evaluated_and_reported_with_the_extra_fit_alone():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    own = extras["optional-dependencies"]["fit"]
    packages = {"pawsight", *(re.match(r"[\w.-]+", one)[0] for one in own)}
    allowed = set().union(*map(needed_by, packages))
    assert not {"tensorflow", "keras"} & allowed
    program = PROGRAM + NOT_FOUND + (ROOT / "tests" / "project" / "fit_program.py").read_text()
    done = subprocess.run(
        [sys.executable, "-c", program, ",".join(sorted(allowed))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "without TensorFlow" in done.stdout
