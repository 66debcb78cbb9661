"""Tables for display, on standard output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pawsight.cli.output import results
from pawsight.formatting import printable, to_json

if TYPE_CHECKING:
    from rich.console import Console


def print_json(value: Any) -> None:
    """Print a value as JSON, in UTF-8 whatever the terminal's own encoding."""
    write_out(to_json(value, indent=2) + "\n")


def write_out(text: str) -> None:
    """Write to standard output at once, in UTF-8; undecodable bytes of names are kept."""
    stream = results()
    stream.flush()
    stream.buffer.write(text.encode("utf-8", "surrogateescape"))
    stream.buffer.flush()


def print_table(
    rows: Iterable[Sequence[str]], columns: Sequence[str] = (), title: str = "", right: str = ""
) -> None:
    """Print a table.

    Args:
        rows: The cells, plain text.
        columns: The names of the columns; without them a table has no head.
        title: Stands above the table.
        right: Names of the columns that hold numbers.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE_HEAD if columns else None,
        show_header=bool(columns),
        pad_edge=False,
        title=title or None,
        title_justify="left",
        title_style="bold",
    )
    numbers = right.split()
    for index, column in enumerate(columns or next(iter(rows := list(rows)), ())):
        is_number = bool(columns) and column in numbers
        table.add_column(
            column if columns else "",
            justify="right" if is_number else "left",
            style="" if columns or index else "dim",
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    is_terminal = results().isatty()
    # Wide in a file; on a terminal as wide as it is.
    _console(width=None if is_terminal else 200).print(table)


def _console(width: int | None) -> Console:
    from rich.console import Console

    class ResultsConsole(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # rich would end the process itself, with another exit code

    return ResultsConsole(width=width, highlight=False, file=results())
