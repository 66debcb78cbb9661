"""Write and read the table of labels at the beginning of each shard."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from pawsight.data.sources.source import Line
from pawsight.errors import DataError
from pawsight.records import PARTS

_COLUMNS = ("path", "label", "part", "group", "columns")


def labels_name(shard: str) -> str:
    """Return the name of the table in a shard: labels-00003.csv in photos-00003.tar."""
    return shard.replace("photos-", "labels-").replace(".tar", ".csv")


def labels_table(lines: Iterable[Line]) -> bytes:
    """Return the table as CSV; a photo of several labels has several lines."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows((n.path, n.label, n.part, n.group, n.columns) for n in lines)
    return text.getvalue().encode("utf-8", "surrogateescape")


def read_labels(content: bytes, location: str, first: int) -> Sequence[Line]:
    """Read the table of a shard.

    Args:
        content: The table as CSV.
        location: The path of the table, for messages.
        first: The number of its first line; lines are numbered through all shards.

    Raises:
        DataError: The table is damaged.
    """
    text = io.StringIO(content.decode("utf-8", "surrogateescape"), newline="")
    try:
        rows = csv.reader(text, strict=True)
        if tuple(next(rows, ())) != _COLUMNS:
            raise ValueError("it has other columns")
        return [_line(row, first + i) for i, row in enumerate(rows)]
    except (csv.Error, ValueError) as error:
        raise DataError(
            f"{location} is damaged ({error}).\nPack the photos again with pawsight pack."
        ) from error


def _line(row: Sequence[str], number: int) -> Line:
    path, label, part, group, columns = row
    if part not in ("", *PARTS):
        raise ValueError(f"there is no part '{part}'")
    return Line(path, label, part, group, number, columns)  # type: ignore[arg-type]
