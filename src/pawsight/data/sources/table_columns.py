"""Which column of a table holds what: by usual headings, by the user's choice, or by its values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pawsight.config import ColumnRole
from pawsight.data.part_names import part_of
from pawsight.errors import DataError

# Usual headings; the first that a table has is taken.
_PATHS = (
    *("path", "filepath", "file_path", "image_path", "img_path", "photo_path", "relative_path"),
    *("file", "filename", "file_name", "image_file", "image_filename", "image_file_name"),
    *("image_name", "img_name", "photo_name", "photo_file", "image", "img", "photo", "picture"),
    *("images", "image_url", "image_id", "img_id", "imageid", "photo_id", "isic_id", "fname"),
    *("id", "name", "uuid"),
)
# `label` comes first; of the others a table may have one.
_LABELS = frozenset(
    (
        *("labels", "class", "classes", "class_name", "classname", "class_label", "category"),
        *("categories", "breed", "species", "target", "tag", "diagnosis", "dx", "choice"),
        *("annotation", "ground_truth", "variety", "cultivar", "level", "y"),
    )
)
_PARTS = frozenset(
    (
        *("split", "set", "subset", "partition", "phase", "usage", "dataset", "data_set"),
        *("data_split", "fold"),
    )
)
_ON = {"1", "1.0", "true"}
_OFF = {"0", "0.0", "false", ""}

Row = tuple[int, list[str]]  # the line's number in the file, and its cells


@dataclass(frozen=True, slots=True)
class Columns:
    """Positions of the columns of a table.

    Attributes:
        path: Where the photo is.
        label: Its class; None where each column of `one_hot` stands for a class.
        one_hot: Columns whose 1 says that a photo is of that class.
        part: Its part, or None.
        group: Its group, or None.
        unused: Headings of the columns that mean nothing here.
    """

    path: int
    label: int | None
    one_hot: tuple[int, ...]
    part: int | None
    group: int | None
    unused: tuple[str, ...]


def choose_columns(
    path: Path,
    headings: Sequence[str],
    rows: Sequence[Row],
    chosen: Mapping[ColumnRole, str],
    group_by: str | None = None,
    use_parts: bool = True,
) -> Columns:
    """Decide which column holds what.

    Args:
        path: The table, for messages.
        headings: Its first line.
        rows: The lines below.
        chosen: Headings by role, as in `SourceConfig.columns`.
        group_by: A column to group photos by; None takes the column "group" if there is one.
        use_parts: Whether a column of parts is looked for.

    Raises:
        DataError: A column is missing, or several could be meant.
    """
    names = [re.sub(r"[\s-]+", "_", heading.lower()) for heading in headings]
    given = {role: _position(path, headings, role, name) for role, name in chosen.items()}
    photo = given.get("path", next((names.index(n) for n in _PATHS if n in names), None))
    label = given.get("label", _label_column(path, headings, names))
    group = given.get("group")
    if group_by is not None:
        group = _group_column(path, headings, group_by)
    elif group is None and "group" in names:
        group = names.index("group")
    part = given.get("part") if use_parts else None
    if part is None and use_parts:
        part = _part_column(names, rows)
    used = {photo, label, group, part}
    one_hot: tuple[int, ...] = ()
    if label is None:
        one_hot = _one_hot(headings, rows, used)
    if photo is None or (label is None and not one_hot):
        missing = [
            *(["path"] if photo is None else []),
            *([] if label is not None or one_hot else ["label"]),
        ]
        raise DataError(
            f"The table {path} has no column {' and no column '.join(missing)}; "
            f"its first line reads: {','.join(headings)[:100] or '(nothing)'}\n"
            f"It should begin: path,label   or: path,label,part. Columns of other names are "
            f"chosen by --columns path=NAME,label=NAME"
        )
    used.update(one_hot)
    unused = (headings[i] for i in range(len(headings)) if i not in used)
    shown = tuple(name for name in unused if name and not name.lower().startswith("unnamed:"))
    return Columns(photo, label, one_hot, part, group, shown)


def is_on(cell: str) -> bool:
    """Whether a cell of a one-hot column names its class."""
    return cell.lower() in _ON


def _position(path: Path, headings: Sequence[str], role: str, name: str) -> int:
    lower = [heading.lower() for heading in headings]
    if name.strip().lower() not in lower:
        raise DataError(
            f"The table {path} has no column '{name}', which --columns names for {role}.\n"
            f"Its columns are: {', '.join(filter(None, headings))}."
        )
    return lower.index(name.strip().lower())


def _group_column(path: Path, headings: Sequence[str], group_by: str) -> int:
    lower = [heading.lower() for heading in headings]
    if group_by.strip().lower() not in lower:
        raise DataError(
            f"The table {path} has no column '{group_by}' to group its photos by.\n"
            f"Its columns are: {', '.join(filter(None, headings))}."
        )
    return lower.index(group_by.strip().lower())


def _label_column(path: Path, headings: Sequence[str], names: Sequence[str]) -> int | None:
    if "label" in names:
        return names.index("label")
    found = [position for position, name in enumerate(names) if name in _LABELS]
    if len(found) > 1:
        raise DataError(
            f"The classes could stand in several columns of {path}: "
            f"{', '.join(headings[i] for i in found)}.\n"
            f"Choose one, such as --columns label={headings[found[0]]}"
        )
    return found[0] if found else None


def _part_column(names: Sequence[str], rows: Sequence[Row]) -> int | None:
    """Find the column of parts: `part`, or another usual heading whose values are all parts."""
    if "part" in names:
        return names.index("part")
    for position, name in enumerate(names):
        values = {cells[position] for _, cells in rows if position < len(cells)} - {""}
        if name in _PARTS and values and all(map(part_of, values)):
            return position
    return None


def _one_hot(
    headings: Sequence[str], rows: Sequence[Row], used: set[int | None]
) -> tuple[int, ...]:
    """Find the columns that hold 0 and 1 only, at least two."""
    found = tuple(
        position
        for position, heading in enumerate(headings)
        if position not in used
        and heading
        and all(cells[position].lower() in _ON | _OFF for _, cells in rows if position < len(cells))
    )
    has_any = any(is_on(cells[i]) for _, cells in rows for i in found if i < len(cells))
    return found if len(found) > 1 and has_any else ()
