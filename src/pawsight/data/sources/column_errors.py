"""Messages for tables whose columns give no paths or no classes, with what to do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pawsight.data.file_types import Kind, kind_of
from pawsight.data.part_names import part_of
from pawsight.data.sources.column_values import OFF, ON, Row, holds_only, numbers_of, odd_cell
from pawsight.errors import DataError
from pawsight.formatting import shell_quoted

_MARKS = re.compile(r"[,;|\[\]'\"]")
_MIN_TEXTS = 5  # different texts in so many lines are no classes
_MAX_INTEGERS = 20  # different integers in a column of any name that may be classes


def without_columns(
    path: Path, headings: Sequence[str], rows: Sequence[Row], missing: Sequence[str]
) -> str:
    """Return the message for a table without a column of paths or of classes."""
    shown = ",".join(headings)[:100] or "(nothing)"
    lines = [
        f"The table {path} has no column {' and no column '.join(missing)}; "
        f"its first line reads: {shown}",
        "It should begin: path,label   or: path,label,part",
    ]
    signed_values = ON | OFF | {"-1", "-1.0"}
    if any(kind_of(heading) is Kind.PHOTO for heading in headings):
        line = ",".join(map(_heading_for, headings))
        lines.append(f"That line names a photo: put the line {line} above it.")
    elif signed := [
        heading
        for position, heading in enumerate(headings)
        if any(cells[position : position + 1] in (["-1"], ["-1.0"]) for _, cells in rows)
        and holds_only(rows, position, signed_values)
    ]:
        lines.append(
            f"Some columns hold 1 and -1, such as {signed[0]}, which may mean 'no' or 'unknown': "
            f"write 0 for 'no', and leave out what is unknown."
        )
    elif shares := _shares(headings, rows):
        lines.append(
            f"The columns {' and '.join(shares)} hold numbers between 0 and 1, such as "
            f"{next(iter(shares.values()))}, which may be probabilities. If each is a class, write "
            f"1 for the class of the photo and 0 for the others."
        )
    elif odd := _odd_column(headings, rows):
        heading, number, cell = odd
        lines.append(
            f"If each column is a class: line {number} has '{cell}' in {heading}, which otherwise "
            f"holds 1 and 0. Write 1 or 0 there."
        )
    elif headings:
        names = ",".join(f"{role}=NAME" for role in missing)
        lines.append(f"To use columns of other names: --columns {names}")
    return "\n".join(lines)


def _odd_column(headings: Sequence[str], rows: Sequence[Row]) -> tuple[str, int, str] | None:
    """Return the first column of 1 and 0 that has another cell, with the line and the cell.

    Returns:
        None if there is no such column, or no other column that holds only 1 and 0.
    """
    if not any(holds_only(rows, i, ON | OFF) for i in range(len(headings))):
        return None
    odd_columns = ((name, *odd) for i, name in enumerate(headings) if (odd := odd_cell(rows, i)))
    return next(odd_columns, None)


def _heading_for(cell: str) -> str:
    if kind_of(cell) is Kind.PHOTO:
        return "path"
    return "part" if part_of(cell) else "label"


def _shares(headings: Sequence[str], rows: Sequence[Row]) -> dict[str, str]:
    """Return the columns of numbers from 0 to 1, each with a value between 0 and 1.

    Returns:
        {} for fewer than two such columns.
    """
    shares = {}
    for position, heading in enumerate(headings):
        numbers = numbers_of(rows, position)
        between = [cell for cell, number in numbers.items() if 0 < number < 1]
        if between and all(0 <= number <= 1 for number in numbers.values()):
            shares[heading] = between[0]
    return shares if len(shares) > 1 else {}


def odd_cell_message(
    path: Path, heading: str, number: int, cell: str, others: Sequence[str]
) -> str:
    """Return the message for a column of 1 and 0 with a cell that is neither.

    Args:
        path: The table.
        heading: The heading of the column.
        number: The line of the cell.
        cell: The content of the cell.
        others: The headings of columns that hold only 1 and 0.
    """
    option = shell_quoted(f"labels={'+'.join(others)}")
    return (
        f"Line {number} of {path} has '{cell}' in the column {heading}, which otherwise holds 1 "
        f"and 0.\n"
        f"If {heading} is a class, write 1 or 0 there, or leave out the line where it is unknown; "
        f"if not, name the columns of the classes: --columns {option}"
    )


def check_values(
    path: Path, headings: Sequence[str], rows: Sequence[Row], position: int, is_usual: bool
) -> None:
    """Refuse a column of labels that seems to hold measurements or descriptions.

    Args:
        path: The table.
        headings: The headings of the table.
        rows: The lines below the headings.
        position: The position of the column.
        is_usual: Whether its heading is usual for classes; then nothing is checked.

    Raises:
        DataError: The column holds fractions, many different integers, or another text in each
            line.
    """
    if is_usual:
        return
    heading, numbers = headings[position], numbers_of(rows, position)
    option = shell_quoted(f"label={heading}")
    fractions = [cell for cell, number in numbers.items() if not number.is_integer()]
    texts = [cells[position] for _, cells in rows if position < len(cells)]
    # A cell whose words all occur in other cells may hold several labels: cat;dog and dog;bird.
    words = [[word.strip() for word in _MARKS.split(text)] for text in texts]
    counts = Counter(word for cell_words in words for word in cell_words)
    are_shared = any(all(counts[word] > 1 for word in cell_words) for cell_words in words)
    are_different = len(set(texts)) == len(texts) >= _MIN_TEXTS
    if not numbers and are_different and not are_shared:
        raise DataError(
            f"The column {heading} of {path} has another value in each line, such as "
            f"'{texts[0]}', so they seem to be no classes.\nIf they are: --columns {option}"
        )
    if not fractions and len(numbers) <= _MAX_INTEGERS:
        return
    example = (fractions or [*numbers])[0]
    raise DataError(
        f"The column {heading} of {path} holds numbers, such as {example}; each of its "
        f"{len(numbers):,} values would be a class. pawsight classifies, and estimates no "
        f"numbers.\n"
        f"Write a column label with a class for each range of numbers; or, if each number is a "
        f"class: --columns {option}"
    )
