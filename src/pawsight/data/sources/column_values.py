"""Recognise the values of a table's columns: 1 and 0, missing values, numbers."""

from __future__ import annotations

from collections.abc import Sequence, Set

Row = tuple[int, list[str]]  # the line's number in the file, and its cells

ON = {"1", "1.0", "true"}
# What programs write for a missing value; `none` is not among them, since it may be a class.
MISSING = {"", "nan", "<na>", "null", "n/a", "#n/a"}
_ZERO = {"0", "0.0", "false"}
OFF = _ZERO | MISSING | {"na"}
# The values of a column that divides photos into two parts.
YES, NO = ON | {"yes", "y"}, _ZERO | {"no", "n"}


def is_missing(cell: str) -> bool:
    """Return whether a cell holds what programs write for a missing value."""
    return cell.lower() in MISSING or cell == "NA"


def is_on(cell: str) -> bool:
    """Return whether a cell of a one-hot column is 1 or true."""
    return cell.lower() in ON


def holds_only(rows: Sequence[Row], position: int, values: Set[str]) -> bool:
    """Return whether a column, in lower case, has no other values than `values`."""
    return all(cells[position].lower() in values for _, cells in rows if position < len(cells))


def odd_cell(rows: Sequence[Row], position: int) -> tuple[int, str] | None:
    """Return the first cell of a column of 1 and 0 that is neither, and the number of its line.

    Returns:
        Line and cell; None if there is no such cell, or if fewer than half of the cells that are
        not empty are 1 or 0.
    """
    cells = [(number, cells[position]) for number, cells in rows if position < len(cells)]
    odd = [(number, cell) for number, cell in cells if cell.lower() not in ON | OFF]
    num_plain = sum(cell.lower() in ON | _ZERO for _, cell in cells)
    return odd[0] if odd and num_plain >= len(odd) else None


def numbers_of(rows: Sequence[Row], position: int) -> dict[str, float]:
    """Return the different values of a column as numbers, by cell; {} if any is no number."""
    cells = {cells[position] for _, cells in rows if position < len(cells)}
    try:
        return {cell: float(cell) for cell in sorted(cells) if not is_missing(cell)}
    except ValueError:
        return {}
