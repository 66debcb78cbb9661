"""Tables for display, on standard output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pawsight.cli.output import results
from pawsight.formatting import encoded, printable, to_json

if TYPE_CHECKING:
    from rich.console import Console


def print_json(value: Any) -> None:
    """Print a value as JSON, in UTF-8 whatever the encoding of the terminal."""
    write_out(to_json(value, indent=2) + "\n")


def write_out(data: str | bytes) -> None:
    """Write to standard output at once."""
    stream = results()
    stream.flush()
    stream.buffer.write(encoded(data))
    stream.buffer.flush()


def print_table(
    rows: Iterable[Sequence[str]], columns: Sequence[str] = (), title: str = "", right: str = ""
) -> None:
    """Print a table.

    Args:
        rows: The cells, plain text.
        columns: The names of the columns; without them the table has no head.
        title: The title above the table.
        right: The names of right-aligned columns, separated by spaces.
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
    rows = list(rows)
    for column in columns:
        is_number = column in right.split()
        table.add_column(column, justify="right" if is_number else "left", overflow="fold")
    if not columns and rows:
        for index in range(len(rows[0])):
            table.add_column(style="" if index else "dim", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    # On a terminal the table is as wide as the terminal.
    _console(width=None if results().isatty() else 200).print(table)


def _console(width: int | None) -> Console:
    from rich.console import Console

    class ResultsConsole(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # Rich would end the process itself, with another exit code

    return ResultsConsole(width=width, highlight=False, file=results())
