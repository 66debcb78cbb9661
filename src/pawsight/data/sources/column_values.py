"""The values of a table's columns: 1 and 0, numbers."""

from __future__ import annotations

from collections.abc import Sequence, Set

Row = tuple[int, list[str]]  # the line's number in the file, and its cells

ON = {"1", "1.0", "true"}
OFF = {"0", "0.0", "false", ""}
# What programs write where there is nothing; `none` may be a class.
MISSING = {"", "nan", "<na>", "null", "n/a", "#n/a"}


def is_missing(cell: str) -> bool:
    """Return whether a cell holds what programs write for a missing value."""
    return cell.lower() in MISSING or cell == "NA"


def is_on(cell: str) -> bool:
    """Return whether a cell of a one-hot column names its class."""
    return cell.lower() in ON


def holds_only(rows: Sequence[Row], position: int, values: Set[str]) -> bool:
    """Return whether a column has no other values than these, which are in lower case."""
    return all(cells[position].lower() in values for _, cells in rows if position < len(cells))


def numbers_of(rows: Sequence[Row], position: int) -> dict[str, float]:
    """Return the different values of a column as numbers; {} where one is no number."""
    cells = {cells[position] for _, cells in rows if position < len(cells)}
    try:
        return {cell: float(cell) for cell in sorted(cells) if not is_missing(cell)}
    except ValueError:
        return {}
