"""The rows that a table names, and what names on a disk become in them."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import replace
from pathlib import Path

from pawsight.data.listing.walk import examine
from pawsight.data.sources.table import Line, has_columns, read_table
from pawsight.progress import Progress
from pawsight.records import Photo

FOLDER = "folder"  # what --group-by calls the folder that a photo lies in


def scan_table(
    root: str, path: Path, progress: Progress, group_by: str | None, allow_outside: bool
) -> tuple[Photo, ...]:
    """List what a table names, sorted by path.

    A table that came along with the photos, maybe from a stranger's archive,
    may name only what lies beside it.

    Args:
        root: The folder that its paths are relative to.
        path: The table.
        progress: Is told of each photo.
        group_by: A column; "folder", which without such a column is the folder
            a photo lies in; or None for the column "group" if there is one.
        allow_outside: Whether it may name photos outside of `root`.

    Raises:
        SourceError, DataError: As `read_table`.
    """
    rows: dict[str, Photo] = {}
    repeated = 0
    is_grouped = group_by == FOLDER and not has_columns(path, group_by)
    for line in read_table(path, None if is_grouped else group_by):
        shown = _shown(root, line.path)
        known = rows.get(shown)
        if known is None:
            row = _table_row(root, shown, line, allow_outside)
            rows[shown] = in_folder_group(row, "") if is_grouped else row
            progress.advance(1)
            continue
        repeated += 1
        if known.label != class_name(line.label) and not known.problem:
            both = f"'{known.label}' and '{class_name(line.label)}'"
            rows[shown] = replace(known, label="", problem=f"the table gives two labels: {both}")
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


def in_folder_group(photo: Photo, prefix: str) -> Photo:
    """Group a photo by the folder it lies in below `prefix`."""
    folder = photo.path.removeprefix(prefix).rpartition("/")[0]
    return replace(photo, group=class_name(folder)) if folder else photo


def class_name(folder_name: str) -> str:
    r"""Make a class name of a folder's name: the same text on any system, and always text.

    Accented letters are written in one way (macOS stores them in another), and
    bytes that are no UTF-8 are spelled out, such as `caf\xe9`.
    """
    text = os.fsencode(folder_name).decode("utf-8", errors="backslashreplace")
    return unicodedata.normalize("NFC", text)
