"""Modules and functions stay as short as CONTRIBUTING.md asks."""

import ast

import pytest

from .conftest import ROOT

MODULES = sorted((ROOT / "src").rglob("*.py"))
MAX_MODULE_LINES = 300
MAX_FUNCTION_LINES = 60


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_module_and_its_functions_stay_short(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= MAX_MODULE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, f"{node.name} has {length} lines"


def test_limits_are_those_of_the_documentation():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    stated = f"A module has at most {MAX_MODULE_LINES} lines, a function {MAX_FUNCTION_LINES}"
    assert stated in " ".join(text.split())


def test_no_module_is_a_drawer_for_everything():
    drawers = {"utils.py", "helpers.py", "common.py", "misc.py"}
    assert not [path for path in MODULES if path.name in drawers]
