"""Everything imports, and what needs no TensorFlow does not load it."""

import importlib
import os
import pkgutil
import subprocess
import sys

import pytest

import pawsight
from pawsight.cli.command_table import NAMES

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


def test_progress_of_the_package_needs_no_import_of_its_own():
    assert "pawsight.progress" in modules_after("import pawsight\npawsight.progress.Silent()")


def test_onnx_runtime_keeps_no_data_for_its_telemetry(tmp_path, monkeypatch):
    for name in os.environ:  # it sends nothing from the machines of continuous integration
        if name == "ORT_DISABLE_TELEMETRY" or "CI" in name or name.startswith("XDG_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "onnxruntime" in modules_after("import pawsight.models.builtin\npawsight.load()")
    assert not list(tmp_path.rglob("*onnxruntime*"))


def test_command_line_starts_without_the_libraries_of_its_commands():
    loaded = modules_after("import pawsight.cli.main")
    heavy = {"jinja2", "matplotlib", "onnxruntime", "pandas", "PIL", "scipy", "sklearn"}
    assert not loaded & heavy


def test_predicting_a_file_imports_nothing_that_fetches_photos(save_photo):
    loaded = modules_after(predicting(save_photo("a.png")))
    assert "pawsight.inference.classifier" in loaded
    others = {"pawsight.data.sources", "pawsight.workflow", "http.client", "urllib.request"}
    assert not loaded & others


def test_the_processes_that_read_photos_import_no_pydantic():
    loaded = modules_after("import pawsight.inference.decode_processes")
    assert "pawsight.data.reading.batch" in loaded
    assert "pydantic" not in loaded


@pytest.mark.parametrize("name", ["predict_folder", "audit", "train"])
def test_a_command_imports_no_scipy_before_it_fits_something(name):
    assert "scipy" not in modules_after(f"from pawsight.workflow import {name}")


def test_a_command_imports_no_other_command(save_photo):
    loaded = modules_after(predicting(save_photo("a.png")))
    commands = {f"pawsight.cli.{name.replace('-', '_')}" for name in NAMES}
    assert loaded & commands == {"pawsight.cli.predict"}


def test_the_command_line_loads_no_plugins_of_pydantic(save_photo, tmp_path, monkeypatch):
    plugin = tmp_path / "plugin-1.0.dist-info"
    plugin.mkdir()
    (plugin / "METADATA").write_text("Name: plugin\nVersion: 1.0\n")
    (plugin / "entry_points.txt").write_text("[pydantic]\nplugin = a_plugin\n")
    (tmp_path / "a_plugin.py").write_text("def new_schema_validator(*_): return None, None, None")
    monkeypatch.syspath_prepend(tmp_path)
    path = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    assert "a_plugin" in modules_after("import pawsight.models.description")
    assert "a_plugin" not in modules_after(predicting(save_photo("a.png")))


def predicting(photo) -> str:
    """A program that predicts a photo on the command line."""
    return (
        f"import sys\nsys.argv = ['pawsight', 'predict', {str(photo)!r}, '--format', 'jsonl']\n"
        "from pawsight.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code"
    )


def modules_after(statement: str) -> set[str]:
    """The modules a fresh Python has loaded after one statement."""
    code = f"{statement}\nimport sys\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())
