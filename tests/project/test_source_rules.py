"""Records are frozen, files that are loaded run no code, and threads end with the program."""

import ast
from pathlib import Path

import pytest

import pawsight

PACKAGE = Path(pawsight.__file__).parent


def _flag(node):
    """The value of a flag; None for what is none."""
    is_flag = isinstance(node, ast.Constant) and isinstance(node.value, bool)
    return node.value if is_flag else None


@pytest.fixture(scope="module")
def nodes():
    """The calls and definitions of every module: (module, node)."""
    kinds = ast.Call, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef
    return [
        (path.relative_to(PACKAGE).as_posix(), node)
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, kinds)
    ]


@pytest.fixture(scope="module")
def keywords(nodes):
    """(module, what is called or "class", keyword, flag)."""
    return [
        (
            module,
            ast.unparse(node.func) if isinstance(node, ast.Call) else "class",
            keyword.arg,
            keyword.value.value,
        )
        for module, node in nodes
        if isinstance(node, ast.Call | ast.ClassDef)
        for keyword in node.keywords
        if _flag(keyword.value) is not None
    ]


def test_records_and_settings_cannot_be_changed_once_they_are_made(nodes, keywords):
    assert not [found for found in keywords if found[2:] == ("frozen", False)]
    configs = [
        (module, node)
        for module, node in nodes
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ConfigDict"
    ]
    assert configs
    for module, call in configs:
        flags = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert flags.get("frozen") == "True", module


def test_nothing_that_is_loaded_may_run_code(keywords):
    for module, _, name, flag in keywords:
        assert (name, flag) not in (("allow_pickle", True), ("safe_mode", False)), module
        assert (name, flag) != ("autoescape", False), module


def test_no_thread_or_process_keeps_the_program_alive(nodes):
    for module, node in nodes:
        called = getattr(node, "func", None)
        if getattr(called, "attr", "") == "Thread":
            flags = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            assert flags.get("daemon") == "True", f"{module}:{node.lineno}"
