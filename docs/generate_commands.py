"""Write docs/commands.md from the command line itself, so that the two never differ.

`python docs/generate_commands.py` writes the page; with `--check` it reports
whether the page is up to date.
"""

import copy
import html
import inspect
import re
import sys
from pathlib import Path
from typing import Any

import typer

from pawsight.cli.main import app

PAGE = Path(__file__).with_name("commands.md")
HEAD = """\
<!-- Written by docs/generate_commands.py from the code. Do not edit: run `make docs`. -->

# Commands

`pawsight --help` lists the commands and `pawsight COMMAND --help` explains one; this page has the
same, and the options that `--help` leaves out because few need them. A table goes to standard
output, progress and notes go to standard error, so `| jq` and `> file` just work.

The exit code is 0 when all went well, 1 when something could not be done (a plain message states
what to do), 2 for a wrong option, and 130 after Ctrl-C. `--debug` shows where in the code an error
arose.
"""


def page() -> str:
    """The whole page."""
    group: Any = typer.main.get_command(app)
    context = group.make_context("pawsight", [], resilient_parsing=True)
    parts = [HEAD, "## pawsight\n\n" + body(group, context)]
    return "\n".join(parts + sections(group, context))


def sections(group: Any, context: Any) -> list[str]:
    """One section a command; those of a group come after it."""
    parts = []
    for name, command in group.commands.items():
        inner = command.make_context(name, [], parent=context, resilient_parsing=True)
        parts.append(f"## {inner.command_path}\n\n{body(command, inner)}")
        if hasattr(command, "commands"):
            parts += sections(command, inner)
    return parts


def body(command: Any, context: Any) -> str:
    """Help, usage and parameters of one command."""
    usage = " ".join(command.get_usage(context).split()).removeprefix("Usage: ")
    parameters = command.get_params(context)
    arguments = [p for p in parameters if p.param_type_name == "argument"]
    options = [p for p in parameters if p.param_type_name == "option" and p.name != "help"]
    shown = [p for p in options if not p.hidden]
    text = f"{help_text(command.help)}\n\n```\n{usage}\n```\n"
    text += table("Argument", arguments, context) + table("Option", shown, context)
    return text + table("Option that few need", hidden(options), context)


def hidden(options: list[Any]) -> list[Any]:
    """Options that `--help` leaves out, made visible."""
    found = [copy.copy(option) for option in options if option.hidden]
    for option in found:
        option.hidden = False  # else its help record is None
    return found


def help_text(text: str) -> str:
    """The help as Markdown: examples become blocks to copy."""
    blocks = []
    for block in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        lines = block.replace("\b\n", "").splitlines()
        example = re.match(r"Examples?:\s*(.*)", lines[0])
        if example:
            commands = [example[1], *lines[1:]]
            shown = "\n".join(line.strip() for line in commands if line.strip())
            blocks.append(f"```sh\n{shown}\n```")
        else:
            blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def table(kind: str, parameters: list[Any], context: Any) -> str:
    """One row per parameter, with the words of the help; "" where there are none."""
    rows = [p.get_help_record(context) for p in parameters]
    if not rows:
        return ""
    lines = [f"\n| {kind} | What it does |\n|---|---|\n"]
    for names, explained in rows:
        plain = re.sub(r" <[^>]*>$", "", names)  # what an argument is, its help says better
        lines.append(f"| <code>{cell(html.escape(plain))}</code> | {cell(explained)} |\n")
    return "".join(lines)


def cell(text: str) -> str:
    """Text that does not end a table's cell, on GitHub and in MkDocs alike."""
    return " ".join(text.split()).replace("|", "&#124;")


def main() -> int:
    """Write or check the page; 1 where it is out of date."""
    text = page()
    if "--check" in sys.argv[1:]:
        if not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
            print(f"{PAGE} does not match the code.", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(text, encoding="utf-8")
    print(f"Wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
