"""Every command and every piece of Python that README and docs show can be typed as it stands."""

import ast
import functools
import importlib
import inspect
import re
import shlex

import pytest
import typer
from typer.main import get_command

import pawsight
from pawsight.cli.main import app

from .conftest import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
USAGE_ERROR = typer.BadParameter.__base__  # of a missing or unknown option, too
PARTS = re.compile(r"\s(?:\||&&|;|>|2>&1|&)(?=\s|$).*")  # what a shell makes of the rest of a line


def blocks(languages):
    """The blocks of code in some languages: (page and number, code)."""
    found = []
    for page in PAGES:
        codes = BLOCK.findall(page.read_text(encoding="utf-8"))
        found += [(f"{page.name} {i}", c) for i, (kind, c) in enumerate(codes) if kind in languages]
    return found


def commands():
    """The lines of shell blocks that begin with pawsight, continued lines joined."""
    lines = [
        (place, line.strip().removeprefix("$ ").removeprefix("!"))
        for place, code in blocks({"sh", "bash", "console", "text"})
        for line in code.replace("\\\n", " ").splitlines()
    ]
    return [(place, line) for place, line in lines if re.match(r"pawsight( |$)", line)]


@functools.cache
def pawsight_command():
    return get_command(app)


def parse(line):
    """Parse a command line as click does before it runs a command."""
    words = shlex.split(PARTS.sub("", line), comments=True)[1:]
    command = pawsight_command()
    while words and hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    context = command.context_class(command)
    given, rest, _ = command.make_parser(context).parse_args(words)
    assert not rest, rest
    for param in command.params:
        if param.param_type_name == "argument" and param.required:
            assert given.get(param.name), f"{param.name} is missing"
    return command


def test_documented_commands_can_be_parsed():
    found = commands()
    assert len(found) > 60
    for place, line in found:
        try:
            parse(line)
        except (KeyError, USAGE_ERROR, AssertionError) as error:
            pytest.fail(f"{place}: {line}: {error!r}")


@pytest.mark.parametrize(
    "wrong", ["pawsight trian photos/", "pawsight train photos/ --epoch 3", "pawsight verify"]
)
def test_a_wrong_command_would_be_found(wrong):
    with pytest.raises((KeyError, USAGE_ERROR, AssertionError)):
        parse(wrong)


@pytest.mark.slow
def test_documented_python_compiles_and_names_what_there_is():
    for place, code in blocks({"python", "py"}):
        # The signatures of the reference, and the edits that another test makes, are no programs.
        if place.startswith(("reference.md", "extending.md")):
            continue
        sketch = code.replace(", ...", "")  # what a page leaves out
        for node in ast.walk(ast.parse(sketch, place)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pawsight"):
                module = importlib.import_module(node.module)
                missing = [one.name for one in node.names if not hasattr(module, one.name)]
                assert missing == [], place
            elif isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "pawsight":
                assert node.attr in (*pawsight.__all__, "__version__", "compat"), place
            elif isinstance(node, ast.Call) and is_public(node.func):
                assert unknown_arguments(node) == [], place


def is_public(function):
    return (
        getattr(getattr(function, "value", None), "id", "") == "pawsight"
        and function.attr in pawsight.__all__
    )


def unknown_arguments(call):
    """The names of arguments that a public function does not take."""
    parameters = inspect.signature(getattr(pawsight, call.func.attr)).parameters
    if any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        return []
    return [one.arg for one in call.keywords if one.arg and one.arg not in parameters]
