"""Records and settings cannot be changed once they are made."""

import ast

import pytest

from .conftest import ROOT

SOURCES = sorted((ROOT / "src" / "pawsight").rglob("*.py"))
CONFIGS = [
    (path.relative_to(ROOT).as_posix(), node)
    for path in SOURCES
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "ConfigDict"
]


@pytest.mark.parametrize(("path", "call"), CONFIGS, ids=[path for path, _ in CONFIGS])
def test_every_pydantic_record_is_frozen(path, call):
    options = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    assert options.get("frozen") == "True"
