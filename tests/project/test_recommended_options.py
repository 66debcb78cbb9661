"""Every option that a message, a page or a help text names is one that a command has."""

import re
from pathlib import Path

from typer.main import get_command

import pawsight
from pawsight.cli.main import app
from pawsight.config import TrainConfig

PACKAGE = Path(pawsight.__file__).parent
# Of pip, curl and wsl.
FOREIGN = {"--upgrade", "--force-reinstall", "--quiet", "--data-binary", "--install"}
FOREIGN |= {"--head"}  # of ray start


def named(pattern):
    """What the texts of the package name, as (file, name)."""
    return [
        (path.relative_to(PACKAGE).as_posix(), name)
        for path in sorted(PACKAGE.rglob("*"))
        if path.suffix in (".py", ".j2", ".js", ".html") and "runtime" not in path.parts
        for name in re.findall(pattern, path.read_text(encoding="utf-8"))
    ]


def all_below(command):
    """A command, and the commands below it."""
    yield command
    for each in getattr(command, "commands", {}).values():
        yield from all_below(each)


def test_options_exist():
    params = [param for command in all_below(get_command(app)) for param in command.params]
    known = {"--help"}.union(*([*param.opts, *param.secondary_opts] for param in params))
    # `var(--x)` and `--x: 1` of a style sheet are no options.
    found = named(r"(?<![\w(-])--[a-z][a-z0-9]*(?:-[a-z0-9]+)*(?![\w:-])")

    assert len(found) > 100
    assert [one for one in found if one[1] not in known | FOREIGN] == []


def test_settings_exist():
    found = named(r"--set ([a-z_]+)[.=]")

    assert found
    assert [one for one in found if one[1] not in TrainConfig.model_fields] == []


def test_commands_exist():
    commands = get_command(app).commands
    found = named(r"`pawsight ([a-z][a-z-]*)")

    assert len(found) > 20
    assert [one for one in found if one[1] not in commands] == []
