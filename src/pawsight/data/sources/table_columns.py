"""Find the columns of a table: by the user's choice, by usual headings, or by their values."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pawsight.config import ColumnRole
from pawsight.data.file_types import Kind, kind_of
from pawsight.data.part_names import part_of
from pawsight.data.sources.column_errors import check_values, odd_cell_message, without_columns
from pawsight.data.sources.column_values import NO, OFF, ON, YES, Row, holds_only, is_on, odd_cell
from pawsight.errors import DataError
from pawsight.records import Part

# Usual headings; the first of these that a table has is used.
_PATHS = (
    *("path", "filepath", "file_path", "image_path", "img_path", "photo_path", "relative_path"),
    *("file", "filename", "file_name", "image_file", "image_filename", "image_file_name"),
    *("image_name", "img_name", "photo_name", "photo_file", "image", "img", "photo", "picture"),
    *("images", "image_url", "image_id", "img_id", "imageid", "photo_id", "isic_id", "fname"),
    *("id_code", "id", "name", "uuid", "url"),
)
# `label` takes precedence; of these a table must not have more than one.
_LABELS = frozenset(
    (
        *("labels", "class", "classes", "class_name", "classname", "class_label", "category"),
        *("categories", "breed", "species", "target", "tag", "diagnosis", "dx", "choice"),
        *("annotation", "ground_truth", "variety", "cultivar", "level", "y"),
        *("finding_labels", "labelname", "tags"),
        *("klasse", "kategorie", "rasse", "clase", "etiqueta", "raza", "classe"),
    )
)
# Used if a table has none of these.
_LABEL_NUMBERS = frozenset(
    (
        *("class_id", "classid", "class_idx", "class_index", "class_number", "label_id"),
        *("labelid", "category_id", "categoryid", "target_id"),
    )
)
_PARTS = frozenset(
    (
        *("split", "set", "subset", "partition", "phase", "usage", "dataset", "data_set"),
        *("data_split", "fold"),
    )
)
_FLAGS: dict[str, Part] = {
    **dict.fromkeys(("is_train", "is_training", "is_training_image"), "train"),
    **dict.fromkeys(("is_valid", "is_val", "is_validation"), "validation"),
    "is_test": "test",
}
_SAMPLE_SIZE = 100  # lines that are read to find a column by its values


@dataclass(frozen=True, slots=True)
class Columns:
    """Positions of the columns of a table."""

    path: int  # the paths of the photos
    label: int | None  # the classes; None if each column of `one_hot` is a class
    one_hot: tuple[int, ...]  # columns of classes, in which 1 marks the photos of the class
    part: int | None  # the parts, or None
    # Columns in which 1 puts a photo into a part, such as fastai's `is_valid`.
    flags: tuple[tuple[int, Part], ...]
    group: int | None  # the groups, or None
    unused: tuple[str, ...]  # headings of the columns that are not used

    @property
    def part_positions(self) -> tuple[int, ...]:
        """The columns that decide a photo's part."""
        flags = tuple(position for position, _ in self.flags)
        return flags if self.part is None else (self.part,)


def choose_columns(
    path: Path,
    headings: Sequence[str],
    rows: Sequence[Row],
    chosen: Mapping[ColumnRole, str],
    group_by: str | None = None,
    use_parts: bool = True,
    part_values: Collection[str] = (),
) -> Columns:
    """Find the columns of paths, labels, parts and groups.

    Args:
        path: The table, for messages.
        headings: The headings of the table.
        rows: The lines below the headings.
        chosen: Headings by role, as in `SourceConfig.columns`.
        group_by: The column to group photos by; None uses the column "group" if there is one.
        use_parts: Whether to search for a column of parts.
        part_values: The values that the user assigns to parts, in lower case.

    Raises:
        DataError: A column is missing, several columns match, or a column has invalid values.
    """
    names = [_plain(heading) for heading in headings]
    positions = {
        role: _position(path, headings, name, f", which --columns names for {role}")
        for role, name in chosen.items()
        if role != "labels"
    }
    photo = positions.get("path", _path_column(names, rows))
    one_hot = _chosen_one_hot(path, headings, rows, chosen.get("labels", ""))
    label = positions.get("label")
    if label is None and not one_hot:
        label = _label_column(path, headings, names)
    group = positions.get("group", names.index("group") if "group" in names else None)
    if group_by is not None:
        group = _position(path, headings, group_by, " to group its photos by")
    part = positions.get("part", _part_column(names, rows, part_values)) if use_parts else None
    flags = _flags(path, headings, rows, use_parts and part is None)
    used = {photo, label, group, part, *(position for position, _ in flags)}
    if label is None and not one_hot:
        one_hot = _one_hot(path, headings, rows, used)
        left = [i for i, heading in enumerate(headings) if heading and i not in used]
        if photo is not None and not one_hot and len(left) == 1 and names[left[0]] not in _PARTS:
            label = left[0]  # the only column that is left
            used.add(label)
    missing = ["path"] if photo is None else []
    if label is None and not one_hot:
        missing.append("label")
    if photo is None or missing:
        raise DataError(without_columns(path, headings, rows, missing))
    if label is not None and "label" not in chosen:
        check_values(path, headings, rows, label, is_usual_label(headings[label]))
    used.update(one_hot)
    if part is not None or not use_parts:
        used.difference_update(position for position, _ in flags)
        flags = ()
    unused = (headings[i] for i in range(len(headings)) if i not in used)
    shown = tuple(name for name in unused if name and not name.lower().startswith("unnamed:"))
    return Columns(photo, label, one_hot, part, flags, group, shown)


def _chosen_one_hot(
    path: Path, headings: Sequence[str], rows: Sequence[Row], chosen: str
) -> tuple[int, ...]:
    """Return the columns that the user chose as labels, `a+b+c`; their values must be 1 or 0."""
    names = chosen.split("+") if chosen else []
    positions = tuple(
        _position(path, headings, name, ", which --columns names for labels") for name in names
    )
    for number, cells in rows:
        for position in positions:
            if position < len(cells) and cells[position].lower() not in ON | OFF:
                raise DataError(
                    f"Line {number} of {path} has '{cells[position]}' in the column "
                    f"{headings[position]}, which --columns names as a label.\n"
                    f"Write 1 where a photo has the label, else 0."
                )
    return positions


def is_usual_label(heading: str) -> bool:
    """Return whether a heading is usual for classes."""
    name = _plain(heading)
    return name == "label" or name in _LABELS | _LABEL_NUMBERS


def may_be_parts(heading: str) -> bool:
    """Return whether a heading is usual for parts."""
    return _plain(heading) in _PARTS


def _plain(heading: str) -> str:
    return re.sub(r"[\s-]+", "_", heading.lower())


def _position(path: Path, headings: Sequence[str], name: str, purpose: str) -> int:
    lower = [heading.lower() for heading in headings]
    if name.strip().lower() not in lower:
        raise DataError(
            f"The table {path} has no column '{name}'{purpose}.\n"
            f"Its columns are: {', '.join(filter(None, headings))}."
        )
    return lower.index(name.strip().lower())


def _path_column(names: Sequence[str], rows: Sequence[Row]) -> int | None:
    """Find the column of paths: by its heading, else the only column of names of photos."""
    singular = [name.removesuffix("s") for name in names]
    for name in _PATHS:
        for candidates in (names, singular):
            if name in candidates:
                return candidates.index(name)
    sample = [] if any(kind_of(name) is Kind.PHOTO for name in names) else rows[:_SAMPLE_SIZE]
    positions = [
        position
        for position in range(len(names))
        if sample
        and all(len(c) > position and kind_of(c[position]) is Kind.PHOTO for _, c in sample)
    ]
    return positions[0] if len(positions) == 1 else None


def _label_column(path: Path, headings: Sequence[str], names: Sequence[str]) -> int | None:
    if "label" in names:
        return names.index("label")
    positions = [position for position, name in enumerate(names) if name in _LABELS]
    if len(positions) > 1 and len({names[position] for position in positions}) == 1:
        raise DataError(
            f"Several columns of {path} are called {headings[positions[0]]}.\n"
            f"Rename all of them except the column of the classes."
        )
    if len(positions) > 1:
        raise DataError(
            f"The classes could be in several columns of {path}: "
            f"{', '.join(headings[i] for i in positions)}.\n"
            f"Choose one, such as --columns label={headings[positions[0]]}"
        )
    numbers = [position for position, name in enumerate(names) if name in _LABEL_NUMBERS]
    return positions[0] if positions else numbers[0] if len(numbers) == 1 else None


def _part_column(
    names: Sequence[str], rows: Sequence[Row], part_values: Collection[str]
) -> int | None:
    """Find the column of parts: `part`, or another usual heading with a part among its values.

    A value that is no part, such as a misspelt part, is an error when its line is read.
    """
    if "part" in names:
        return names.index("part")
    for position, name in enumerate(names):
        values = {cells[position] for _, cells in rows if position < len(cells)} - {""}
        if name in _PARTS and any(part_of(v) or v.lower() in part_values for v in values):
            return position
    return None


def _flags(
    path: Path, headings: Sequence[str], rows: Sequence[Row], is_used: bool
) -> tuple[tuple[int, Part], ...]:
    """Find the columns of 1 and 0 whose heading is the name of a part, such as `is_test`."""
    positions = []
    for position, heading in enumerate(headings):
        if (name := _plain(heading)) not in _FLAGS:
            continue
        cells = [(number, cells[position]) for number, cells in rows if position < len(cells)]
        others = [(number, cell) for number, cell in cells if cell.lower() not in YES | NO]
        if len(others) == len(cells):
            continue
        if others and is_used:
            number, cell = others[0]
            written = f"'{cell}'" if cell else "nothing"
            raise DataError(
                f"Line {number} of {path} has {written} in the column {heading}, which gives the "
                f"parts.\n"
                f"Write 1 for yes and 0 for no, or leave the column out: --parts none"
            )
        positions.append((position, _FLAGS[name]))
    return tuple(positions)


def _one_hot(
    path: Path, headings: Sequence[str], rows: Sequence[Row], used: set[int | None]
) -> tuple[int, ...]:
    """Find the columns that hold only 1 and 0; () for fewer than two."""
    left = [
        (position, heading)
        for position, heading in enumerate(headings)
        if position not in used and heading and not heading.lower().startswith("unnamed:")
    ]
    positions = tuple(i for i, _ in left if holds_only(rows, i, ON | OFF))
    has_any = any(is_on(cells[i]) for _, cells in rows for i in positions if i < len(cells))
    if len(positions) < 2 or not has_any:
        return ()
    for position, heading in left:
        if not may_be_parts(heading) and (odd := odd_cell(rows, position)):
            raise DataError(odd_cell_message(path, heading, *odd, [headings[i] for i in positions]))
    return positions
