"""A CSV that names photos and their classes; the photos stay wherever they are."""

from __future__ import annotations

import ast
import codecs
import csv
import io
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pawsight.config import SourceConfig
from pawsight.data.file_types import is_table_name
from pawsight.data.part_names import part_of
from pawsight.data.sources.column_values import Row, is_on
from pawsight.data.sources.source import Line, Source
from pawsight.data.sources.table_columns import Columns, choose_columns
from pawsight.errors import DataError, SourceError
from pawsight.records import Part

_SEPARATORS = ",;\t|"
_QUOTED = re.compile(r'"[^"]*"')
_HEADER = re.compile(r'(?:[^"\n]|"[^"]*"?)*')
_MOST_COLUMNS, _MOST_CHARACTERS = 20, 60  # of those that are kept though they mean nothing here


@dataclass(frozen=True, slots=True)
class Table:
    """The content of a table.

    Attributes:
        lines: In the order of the file; a photo of two labels in one line has two.
        label_heading: The column of the classes; "" where each class has a column.
        part_heading: The column of the parts, or "".
        unused: Headings of the columns that are not used.
        is_separated: Whether each line has one label for certain: each has a column, or the
            user chose what separates them.
    """

    lines: tuple[Line, ...]
    label_heading: str = ""
    part_heading: str = ""
    unused: tuple[str, ...] = ()
    is_separated: bool = False


def is_table(path: Path, start: bytes) -> bool:
    """Return whether a file is a table, by its name and because it is text."""
    return is_table_name(path.name) and (b"\0" not in start or bool(_utf16(start)))


def fetch(path: Path) -> Source:
    """Take the photos that a table names.

    Raises:
        SourceError: The table cannot be read.
        DataError: It is damaged.
    """
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute keeps ".."
    _read_cells(absolute)
    return Source(absolute.stem, absolute.parent, absolute)


def read_table(
    path: Path, config: SourceConfig | None = None, group_by: str | None = None
) -> Table:
    """Read a table, without searching for its photos.

    Args:
        path: The table.
        config: The columns, and the meaning of the values of its column of parts.
        group_by: The column that becomes the lines' `group`; "folder" is one where the table has
            it; None takes the column "group" if there is one.

    Raises:
        SourceError: The file cannot be read as text.
        DataError: A column is missing, or a line is invalid.
    """
    config = config or SourceConfig()
    headings, rows = _read_cells(path, config.encoding)
    if group_by == "folder" and "folder" not in map(str.lower, headings):
        group_by = None
    use_parts = config.parts != "none"
    given = config.parts if isinstance(config.parts, dict) else {}
    parts = {name.lower(): part for part, names in given.items() for name in names}
    columns = choose_columns(path, headings, rows, config.columns, group_by, use_parts, parts)
    lines = [
        line
        for row in rows
        for line in _read_lines(path, headings, columns, row, parts, config.label_separator)
    ]
    if not lines:
        raise DataError(f"The table {path} names no photos: it has a first line and nothing below.")
    without = sum(not line.part for line in lines)
    if 0 < without < len(lines):
        raise DataError(
            f"The table {path} gives a part for {len(lines) - without} photos "
            f"and none for the other {without}.\nFill the column, or leave it out: --parts none"
        )
    return Table(
        tuple(lines),
        "" if columns.label is None else headings[columns.label],
        " and ".join(headings[i] for i in columns.part_positions),
        columns.unused,
        columns.label is None or config.label_separator is not None,
    )


def read_rows(
    path: Path, needed: Sequence[str], example: str
) -> Iterator[tuple[int, dict[str, str]]]:
    """Read a CSV whatever its separator; empty lines are skipped.

    Args:
        path: The file.
        needed: Columns that must be there, in lower case.
        example: A first line that would do, for the error.

    Returns:
        For each line its number in the file and its cells by column in lower case, without the
        space around them.

    Raises:
        SourceError: The file cannot be read as text.
        DataError: A column is missing, or the CSV is damaged.
    """
    headings, rows = _read_cells(path)
    names = [heading.lower() for heading in headings]
    missing = [name for name in needed if name not in names]
    if missing:
        raise DataError(
            f"The table {path} has no column {' and no column '.join(missing)}; "
            f"its first line reads: {','.join(headings)[:100] or '(nothing)'}\n"
            f"It should begin: {example}"
        )
    return ((number, dict(zip(names, cells, strict=False))) for number, cells in rows)


def _read_cells(path: Path, encoding: str | None = None) -> tuple[list[str], list[Row]]:
    """Return the headings, and of each line below its number and its cells, stripped."""
    text = _read_text(path, encoding)
    # Excel names its separator in a line of its own: sep=;
    named = re.match(r'"?sep=(.)"?\r?\n', text)
    first = named.end() if named else 0
    header = _header(text, first)
    # Excel writes semicolons where the comma is the decimal sign.
    delimiter = named[1] if named else max(_SEPARATORS, key=header.count)
    # An empty line, or a tool's comment, such as "# exported by ...".
    while _is_above_headings(header, delimiter) and "\n" in text[first:]:
        first = text.index("\n", first) + 1
        header = _header(text, first)
        delimiter = max(_SEPARATORS, key=header.count)
    # Not splitlines, which also ends a line at letters that a name may hold.
    reader = csv.reader(io.StringIO(text[first:], newline=""), delimiter=delimiter, strict=True)
    before = text[:first].count("\n")
    try:
        rows = [
            (reader.line_num + before, [cell.strip() for cell in row])
            for row in reader
            if any(cell.strip() for cell in row)
        ]
    except csv.Error as error:
        raise DataError(
            f"The table {path} is damaged in line {reader.line_num + before}: {error}."
        ) from error
    # A heading may be written in several lines.
    return ([" ".join(heading.split()) for heading in rows[0][1]], rows[1:]) if rows else ([], [])


def _header(text: str, first: int) -> str:
    """Return the line at a position without what is in quotes, which may hold line ends."""
    match = _HEADER.match(text, first)
    return _QUOTED.sub("", match[0]) if match else ""


def _is_above_headings(line: str, delimiter: str) -> bool:
    return not line.strip() or (line.startswith("#") and delimiter not in line)


def _read_lines(
    path: Path,
    headings: Sequence[str],
    columns: Columns,
    row: Row,
    parts: Mapping[str, Part],
    separator: str | None,
) -> list[Line]:
    number, cells = row

    def cell(position: int | None) -> str:
        return cells[position] if position is not None and position < len(cells) else ""

    photo = cell(columns.path)
    if not photo or "\0" in photo:
        raise DataError(f"Line {number} of {path} has no path.")
    labels = [headings[i] for i in columns.one_hot if is_on(cell(i))]
    if columns.label is not None:
        written = cell(columns.label)
        labels = written.split(separator) if separator else _listed(written)
        labels = [label.strip() for label in labels if label.strip()]
    for label in labels:
        try:
            label.encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"Line {number} of {path} has a label that is not UTF-8.\n"
                f"Save the table again as 'CSV UTF-8', or name its encoding: --encoding cp1252 "
                f"(Windows in western Europe and America), cp1251 (Cyrillic), gbk (Chinese), "
                f"shift_jis (Japanese) ..."
            ) from error
    written = cell(columns.part)
    part: Part | Literal[""] = parts.get(written.lower(), "") if parts else part_of(written)
    if columns.flags:
        rest: Part = "test" if all(flag == "train" for _, flag in columns.flags) else "train"
        part = next((flag for place, flag in columns.flags if is_on(cell(place))), rest)
    if written and not part:
        which = ", ".join(parts) if parts else "train, validation or test"
        raise DataError(
            f"Line {number} of {path} has the part '{written}'; it can be {which}.\n"
            f"State which part it is: --parts train=...,test={written}; or leave the column out: "
            f"--parts none"
        )
    group, others = cell(columns.group), _others(headings, columns, cells)
    return [Line(photo, label, part, group, number, others) for label in labels or [""]]


def _others(headings: Sequence[str], columns: Columns, cells: Sequence[str]) -> str:
    """Return the cells of the unused columns as JSON: photos are compared by them in the report."""
    unused = set(columns.unused[:_MOST_COLUMNS])
    found = {
        heading: cell[:_MOST_CHARACTERS]
        for heading, cell in zip(headings, cells, strict=False)
        if heading in unused and cell
    }
    return json.dumps(found) if found else ""


def _listed(cell: str) -> list[str]:
    """Return the label of a cell, or those of a list: `['cat', 'dog']`, `{"choices": ["cat"]}`."""
    if cell[:1] + cell[-1:] not in ("[]", "{}"):
        return [cell]
    try:
        found = ast.literal_eval(cell)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return [cell]
    if isinstance(found, dict) and len(found) == 1:  # Label Studio
        found = next(iter(found.values()))
    is_list = isinstance(found, list) and all(isinstance(label, str) for label in found)
    return list(map(str, found)) if is_list else [cell]


def _read_text(path: Path, encoding: str | None) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"The table {path} cannot be read: {error.strerror or error}.") from error
    try:
        if encoding is not None:
            return data.decode(encoding)
        if utf16 := _utf16(data):
            return data.decode(utf16)
        # The name of a photo may be any bytes; a label must be text, which is checked later.
        return data.decode("utf-8-sig", errors="surrogateescape")
    except UnicodeDecodeError as error:
        in_it = f" in {encoding}" if encoding else ""
        raise SourceError(f"The table {path} is not text{in_it}: {error.reason}.") from error


def _utf16(data: bytes) -> str:
    """Return the UTF-16 codec of a text, by its mark or the zeros of its first letters, or ""."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    first, second = data[0:16:2], data[1:16:2]
    if len(data) < 16 or any(first) == any(second):
        return ""
    return "utf-16-le" if all(first) else "utf-16-be" if all(second) else ""
