"""The rows that a table names, and what names on a disk become in them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from pawsight.data.listing.class_names import class_name
from pawsight.data.listing.photo_groups import FOLDER, Grouping
from pawsight.data.listing.walk import examine
from pawsight.data.sources.table import Line, has_columns, read_table
from pawsight.progress import Progress
from pawsight.records import Photo

NOT_FOUND = "file not found"
TWO_LABELS = "the table gives two labels: "


def scan_table(
    root: str, path: Path, progress: Progress, grouping: Grouping, allow_outside: bool
) -> tuple[Photo, ...]:
    """List what a table names, sorted by path.

    A table that came along with the photos, maybe from a stranger's archive,
    may name only what lies beside it.

    Args:
        root: The folder that its paths are relative to.
        path: The table.
        progress: Is told of each photo.
        grouping: How photos are grouped; a column called "folder" comes before folders.
        allow_outside: Whether it may name photos outside of `root`.

    Raises:
        SourceError, DataError: As `read_table`.
    """
    rows: dict[str, Photo] = {}
    repeated = 0
    is_grouped = grouping.is_by_folder and not has_columns(path, FOLDER)
    column = FOLDER if grouping.is_by_folder and not is_grouped else grouping.column
    for line in read_table(path, column):
        shown = _shown(root, line.path)
        known = rows.get(shown)
        if known is None:
            row = _table_row(root, shown, line, allow_outside)
            rows[shown] = grouping.in_folder([row], "")[0] if is_grouped else row
            progress.advance(1)
            continue
        repeated += 1
        if known.label != class_name(line.label) and not known.problem:
            both = f"'{known.label}' and '{class_name(line.label)}'"
            rows[shown] = replace(known, label="", problem=f"{TWO_LABELS}{both}")
    if repeated:
        progress.note(f"{repeated} line(s) of {path.name} name a photo for a second time.")
    return tuple(rows[shown] for shown in sorted(rows))


def _shown(root: str, path: str) -> str:
    """Write a table's path as a row's: relative to `root` where it lies inside."""
    if "\\" in path and not os.path.lexists(f"{root}/{path}"):
        path = path.replace("\\", "/")  # written on Windows
    relative = os.path.relpath(Path(root, path), root).replace(os.sep, "/")
    return path if Path(path).is_absolute() and relative.startswith("../") else relative


def _table_row(root: str, shown: str, line: Line, allow_outside: bool) -> Photo:
    label = class_name(line.label)
    full = Path(root, shown)
    if not allow_outside and not full.resolve().is_relative_to(Path(root).resolve()):
        return Photo(shown, label, line.part, problem="the table leads outside its folder")
    photo = examine(full, shown, label, line.part)
    if line.group:
        photo = replace(photo, group=line.group)
    if not label and not photo.problem:
        return replace(photo, problem="the table gives no label")
    return photo
