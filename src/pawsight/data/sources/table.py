"""Read tables (CSV) of photos and their classes; the photos stay where they are."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pawsight.config import SourceConfig
from pawsight.data.file_types import is_table_name
from pawsight.data.part_names import part_of
from pawsight.data.sources.column_values import YES, Row, is_on
from pawsight.data.sources.source import Line, Source
from pawsight.data.sources.table_cells import (
    check_lengths,
    check_text,
    read_cells,
    utf16_codec,
)
from pawsight.data.sources.table_columns import Columns, choose_columns
from pawsight.errors import DataError
from pawsight.formatting import original_cell
from pawsight.records import Part

# Columns of the tables that `pawsight predict` writes; see `inference.result_rows`.
_PREDICTIONS = {"path", "label", "probability", "answer", "error"}
_MAX_COLUMNS, _MAX_CHARACTERS = 20, 60  # of the other columns, which the report compares


@dataclass(frozen=True, slots=True)
class Table:
    """The content of a table."""

    lines: tuple[Line, ...]  # in the order of the file; one for each label of a photo
    label_heading: str = ""  # the column of the classes; "" if each class has a column
    part_heading: str = ""  # the column of the parts, or ""
    group_heading: str = ""  # the column of the groups, or ""
    unused: tuple[str, ...] = ()  # headings of the columns that are not used
    # Whether each `Line` has a single label for certain: each class has a column, or the user
    # chose the separator of labels.
    is_separated: bool = False


def is_table(path: Path, start: bytes) -> bool:
    """Return whether a file is a table, by its name and whether its first bytes are text."""
    return is_table_name(path.name) and (b"\0" not in start or bool(utf16_codec(start)))


def fetch(path: Path) -> Source:
    """Return the source of the photos that a table names.

    Raises:
        SourceError: The table cannot be read.
        DataError: It is damaged.
    """
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute keeps ".."
    read_cells(absolute)
    return Source(absolute.stem, absolute.parent, absolute)


def read_table(
    path: Path, config: SourceConfig | None = None, group_by: str | None = None
) -> Table:
    """Read a table, without searching for its photos.

    Args:
        path: The table.
        config: The columns, and the meaning of the values in the column of parts.
        group_by: The column of the groups; "folder" is ignored if the table has no such column;
            None uses the column "group" if there is one.

    Raises:
        SourceError: The file cannot be read as text.
        DataError: A column is missing, or a line is invalid.
    """
    config = config or SourceConfig()
    headings, rows = read_cells(path, config.encoding)
    check_text(path, 1, headings)
    check_lengths(path, headings, rows)
    if "label" not in config.columns and set(map(str.lower, headings)) >= _PREDICTIONS:
        raise DataError(
            f"The table {path} holds predictions of pawsight. These are answers of a model, not "
            f"labels to train on or to measure with.\n"
            f"If a person has checked them: --columns label=answer"
        )
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
    num_without = sum(not line.part for line in lines)
    if 0 < num_without < len(lines):
        raise DataError(
            f"The table {path} gives a part for {len(lines) - num_without} photos "
            f"and no part for {num_without}.\nFill the column, or leave it out: --parts none"
        )
    return Table(
        tuple(lines),
        "" if columns.label is None else headings[columns.label],
        " and ".join(headings[i] for i in columns.part_positions),
        "" if columns.group is None else headings[columns.group],
        columns.unused,
        columns.label is None or config.label_separator is not None,
    )


def read_rows(
    path: Path, needed: Sequence[str], example: str
) -> Iterator[tuple[int, dict[str, str]]]:
    """Read a CSV file with any usual separator; empty lines are skipped.

    Args:
        path: The file.
        needed: The headings of columns that must exist, in lower case.
        example: An example of a first line, for the message.

    Returns:
        For each line its number in the file, and its stripped cells by heading in lower case.

    Raises:
        SourceError: The file cannot be read as text.
        DataError: A column is missing, or the CSV is damaged.
    """
    headings, rows = read_cells(path)
    check_lengths(path, headings, rows)
    names = [heading.lower() for heading in headings]
    missing = [name for name in needed if name not in names]
    if missing:
        raise DataError(
            f"The table {path} has no column {' and no column '.join(missing)}; "
            f"its first line reads: {','.join(headings)[:100] or '(nothing)'}\n"
            f"It should begin: {example}"
        )
    return ((number, dict(zip(names, cells, strict=False))) for number, cells in rows)


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
        written = original_cell(cell(columns.label))
        labels = written.split(separator) if separator else _labels_in(written)
        labels = [label.strip() for label in labels if label.strip()]
    check_text(path, number, (text for i, text in enumerate(cells) if i != columns.path))
    written = cell(columns.part)
    part: Part | Literal[""] = parts.get(written.lower(), "") if parts else part_of(written)
    if columns.flags:
        rest: Part = "test" if all(flag == "train" for _, flag in columns.flags) else "train"
        part = next((flag for i, flag in columns.flags if cell(i).lower() in YES), rest)
    if written and not part:
        which = ", ".join(parts) if parts else "train, validation or test"
        raise DataError(
            f"Line {number} of {path} has the part '{written}'; it can be {which}.\n"
            f"State which part it is: --parts train=...,test={written}; or leave the column out: "
            f"--parts none"
        )
    group, others = original_cell(cell(columns.group)), _others(headings, columns, cells)
    return [Line(photo, label, part, group, number, others) for label in labels or [""]]


def _others(headings: Sequence[str], columns: Columns, cells: Sequence[str]) -> str:
    """Return the cells of the unused columns as a JSON object; the report compares them."""
    unused = set(columns.unused[:_MAX_COLUMNS])
    others = {
        heading: cell[:_MAX_CHARACTERS]
        for heading, cell in zip(headings, cells, strict=False)
        if heading in unused and cell
    }
    return json.dumps(others) if others else ""


def _labels_in(cell: str) -> list[str]:
    """Return the labels of a cell, also of a list: `['cat', 'dog']`, `{"choices": ["cat"]}`."""
    if cell[:1] + cell[-1:] not in ("[]", "{}"):
        return [cell]
    try:
        value = ast.literal_eval(cell)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return [cell]
    if isinstance(value, dict) and len(value) == 1:  # Label Studio
        value = next(iter(value.values()))
    is_list = isinstance(value, list) and all(isinstance(label, str) for label in value)
    return list(map(str, value)) if is_list else [cell]
