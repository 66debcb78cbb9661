"""Everything imports, and what needs no TensorFlow does not load it."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import pawsight

WITHOUT_TENSORFLOW = (
    "pawsight",
    "pawsight.cli.main",
    "pawsight.evaluation.metrics",
    "pawsight.inference.classifier",
    "pawsight.data.reading.ingest",
    "pawsight.report.page",
    "pawsight.web.app",
    "pawsight.workflow",
)


@pytest.mark.slow
def test_every_module_imports():
    names = [module.name for module in pkgutil.walk_packages(pawsight.__path__, prefix="pawsight.")]
    assert len(names) > 20
    for name in names:
        importlib.import_module(name)


@pytest.mark.parametrize("name", WITHOUT_TENSORFLOW)
def test_module_imports_without_tensorflow(name):
    loaded = modules_after(f"import {name}")
    assert name in loaded
    assert not loaded & {"tensorflow", "keras", "tf2onnx"}


def test_package_import_loads_nothing_heavy():
    loaded = modules_after("import pawsight")
    assert not loaded & {"matplotlib", "onnxruntime", "pandas", "scipy", "sklearn"}


def test_command_line_starts_without_the_libraries_of_its_commands():
    loaded = modules_after("import pawsight.cli.main")
    heavy = {"jinja2", "matplotlib", "onnxruntime", "pandas", "PIL", "scipy", "sklearn"}
    assert not loaded & heavy


def test_predicting_a_file_imports_nothing_that_fetches_photos(save_photo):
    photo = save_photo("a.png")
    loaded = modules_after(
        f"import sys\nsys.argv = ['pawsight', 'predict', {str(photo)!r}, '--format', 'jsonl']\n"
        "from pawsight.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code"
    )
    assert "pawsight.inference.classifier" in loaded
    others = {"pawsight.data.sources", "pawsight.workflow", "http.client", "urllib.request"}
    assert not loaded & others


def modules_after(statement: str) -> set[str]:
    """The modules a fresh Python has loaded after one statement."""
    code = f"{statement}\nimport sys\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())
