"""A CSV with the columns path and label (and part, group): photos stay wherever they are."""

from __future__ import annotations

import codecs
import csv
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pawsight.data.part_names import part_of
from pawsight.data.sources.source import Source
from pawsight.errors import DataError, SourceError
from pawsight.records import Part


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table, as it is written there."""

    number: int  # in the file, from 1, the header included
    path: str
    label: str
    part: Part | Literal[""]
    group: str = ""  # photos with the same one stay in one part


def is_table(path: Path, start: bytes) -> bool:
    """Whether a file is meant as a table: its name says so and it holds text."""
    return path.suffix.lower() == ".csv" and (b"\0" not in start or _is_utf16(start))


def fetch(path: Path) -> Source:
    """Take the photos that a table names.

    Raises:
        SourceError: The table cannot be read.
        DataError: It has no columns path and label.
    """
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute keeps ".."
    read_table(absolute)
    return Source(absolute.stem, absolute.parent, absolute)


def has_columns(path: Path, group_by: str | None = None) -> bool:
    """Whether a CSV found beside photos can say what they are, and their group if asked."""
    try:
        read_table(path, group_by)
    except (SourceError, DataError):
        return False
    return True


def read_table(path: Path, group_by: str | None = None) -> list[Line]:
    """Read a table's lines, in their order; the photos are not looked for.

    Args:
        path: The table.
        group_by: The column that becomes the lines' `group`; None takes the
            column "group" if there is one.

    Raises:
        SourceError: The file cannot be read as text.
        DataError: A column is missing, or a line makes no sense.
    """
    names, rows = read_rows(path, ("path", "label"), "path,label   or: path,label,part")
    column = "group" if group_by is None else group_by.strip().lower()
    if group_by is not None and column not in names:
        raise DataError(
            f"The table {path} has no column '{group_by}' to group its photos by.\n"
            f"Its columns are: {', '.join(filter(None, names))}."
        )
    lines = [_read_line(path, cells, number, column) for number, cells in rows]
    if not lines:
        raise DataError(f"The table {path} names no photos: it has a first line and nothing below.")
    without = sum(not line.part for line in lines)
    if 0 < without < len(lines):
        raise DataError(
            f"The table {path} gives a part for {len(lines) - without} photos "
            f"and none for the other {without}.\nFill the column, or leave it out."
        )
    return lines


def read_rows(
    path: Path, needed: Sequence[str], example: str
) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    """Read a CSV whatever its separator; empty lines are skipped.

    Args:
        path: The file.
        needed: Columns that must be there, in lower case.
        example: A first line that would do, for the error.

    Returns:
        The names of the columns in lower case, and for each line its number in
        the file and its cells by column, without the space around them.

    Raises:
        SourceError: The file cannot be read as text.
        DataError: A column is missing, or the CSV is damaged.
    """
    text = _read_text(path)
    header = text.split("\n", 1)[0]
    # Excel writes semicolons where the comma is the decimal sign.
    delimiter = max(",;\t", key=header.count)
    # Not splitlines, which also ends a line at letters that a name may hold.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise DataError(
            f"The table {path} is damaged in line {reader.line_num}: {error}."
        ) from error
    names = [cell.strip().lower() for cell in rows[0][1]] if rows else []
    missing = [name for name in needed if name not in names]
    if missing:
        raise DataError(
            f"The table {path} has no column {' and no column '.join(missing)}; "
            f"its first line reads: {header.strip()[:100] or '(nothing)'}\n"
            f"It should begin: {example}"
        )
    return names, (
        (number, dict(zip(names, (cell.strip() for cell in row), strict=False)))
        for number, row in rows[1:]
    )


def _read_line(path: Path, cells: dict[str, str], number: int, column: str) -> Line:
    photo, label, part = (cells.get(name, "") for name in ("path", "label", "part"))
    if not photo or "\0" in photo:
        raise DataError(f"Line {number} of {path} has no path.")
    try:
        label.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"Line {number} of {path} has a label that is not UTF-8.\n"
            f"Save the table again as 'CSV UTF-8'."
        ) from error
    its_part = part_of(part)
    if part and not its_part:
        raise DataError(
            f"Line {number} of {path} has the part '{part}'; it can be train, validation or test."
        )
    return Line(number, photo, label, its_part, cells.get(column, ""))


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"The table {path} cannot be read: {error.strerror or error}.") from error
    try:
        if _is_utf16(data):
            return data.decode("utf-16")
        # The name of a photo may be any bytes; a label must be text, which is checked later.
        return data.decode("utf-8-sig", errors="surrogateescape")
    except UnicodeDecodeError as error:
        raise SourceError(f"The table {path} is not text: {error.reason}.") from error


def _is_utf16(data: bytes) -> bool:
    return data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
