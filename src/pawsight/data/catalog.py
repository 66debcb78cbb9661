"""The catalog: the table of all photos of a source, which the later stages work on.

They refer to a photo by its index in `photos`. Nothing here opens a photo.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import numpy as np

from pawsight.data.pixel_scale import STANDARD, PixelScale, measured_scale
from pawsight.errors import DataError, RunError
from pawsight.formatting import inert_cell, inert_path, original_cell, original_path, printable
from pawsight.records import PARTS, IntArray, Part, Photo
from pawsight.storage.atomic import write_text
from pawsight.task import SINGLE_LABEL, Task

# The most important columns first, unlike the order of `Photo`.
_REQUIRED = (
    *("path", "label", "part", "group", "problem", "flaw", "format", "width", "height", "size"),
    *("brightness", "contrast", "sharpness", "sha256", "phash", "mtime_ns"),
)
# The others may be missing in catalogs of earlier versions.
_COLUMNS = (*_REQUIRED, *(one.name for one in fields(Photo) if one.name not in _REQUIRED))
_NUMBERS: dict[str, Callable[[str], float]] = {
    one.name: {"int": int, "float": float}[str(one.type)]
    for one in fields(Photo)
    if one.type in ("int", "float")
}


@dataclass(frozen=True)
class Catalog:
    """Every photo of a source, those that cannot be used included."""

    name: str  # of the photos, for display
    root: Path  # the folder that the paths are relative to
    photos: tuple[Photo, ...]  # sorted by path
    num_ignored: int = 0  # how many other files there are
    pixel_scale: PixelScale = STANDARD  # the rule by which values of more than 8 bits became pixels
    task: Task = SINGLE_LABEL  # what the label of a photo is: one class, or several labels
    # Photos of none of the classes, which are not among `photos` except in an audit.
    none_paths: tuple[str, ...] = ()
    # What to do where the photos have no classes, lines for an error; "" if unknown.
    advice: str = ""

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """The labels, sorted; a class whose photos are all broken is one of them."""
        return tuple(sorted({name for photo in self.photos for name in self.names_of(photo)}))

    def names_of(self, photo: Photo) -> tuple[str, ...]:
        """Return the labels of one of the photos: one of them, several, or none."""
        return self.task.names_of(photo.label)

    @cached_property
    def usable(self) -> IntArray:
        """Indices of the photos that were read, ascending."""
        return _indices(i for i, photo in enumerate(self.photos) if not photo.problem)

    @cached_property
    def broken(self) -> tuple[Photo, ...]:
        """The photos that cannot be used; the reason is their `problem`."""
        return tuple(photo for photo in self.photos if photo.problem)

    @cached_property
    def has_parts(self) -> bool:
        """Whether some usable photo belongs to a part."""
        return any(self.photos[i].part for i in self.usable)

    def part(self, part: Part) -> IntArray:
        """Return the indices of the usable photos of a part, ascending."""
        return self._parts[part]

    @cached_property
    def _parts(self) -> dict[Part, IntArray]:
        found: dict[str, list[int]] = {part: [] for part in ("", *PARTS)}
        for i in self.usable:
            found[self.photos[i].part].append(i)
        return {part: np.array(found[part], np.int64) for part in PARTS}

    def with_parts(self, parts: Mapping[int, Part | Literal[""]]) -> Catalog:
        """Return the catalog with these parts of photos, by index; the others keep theirs."""
        photos = list(self.photos)
        for index, part in parts.items():
            if photos[index].part != part:
                photos[index] = replace(photos[index], part=part)
        return replace(self, photos=tuple(photos))

    def labels(self, indices: IntArray | Sequence[int]) -> IntArray:
        """Return the labels of photos as numbers.

        Args:
            indices: Indices of photos, shape [N].

        Returns:
            Positions in `class_names`, shape [N]; of several labels, 1 or 0 for each class,
            shape [N, K].

        Raises:
            DataError: One of them has no label, where each has one class.
        """
        labels = self._labels[np.asarray(indices, np.int64)]
        if (is_without := labels < 0).any():
            first = self.photos[np.asarray(indices)[int(np.argmax(is_without))]]
            raise DataError(
                f"{printable(str(self.root / first.path))} has no label.\n"
                f"Put the photos into one folder per class, or name them in a .csv table."
            )
        return labels

    @cached_property
    def _labels(self) -> IntArray:
        return self.task.encode([photo.label for photo in self.photos], self.class_names)

    def save(self, path: Path) -> None:
        """Write all rows as CSV, whole or not at all; no cell is a formula to a spreadsheet.

        Raises:
            DiskError: The file cannot be written.
        """
        rows = ([values[column] for column in _COLUMNS] for values in map(asdict, self.photos))
        _write(path, _COLUMNS, rows)

    def save_split(self, path: Path) -> None:
        """Write path, label and part of the usable photos: a table that `train` reads again.

        No cell is a formula to a spreadsheet.

        Raises:
            DiskError: The file cannot be written.
        """
        chosen = (self.photos[i] for i in self.usable)
        _write(path, ("path", "label", "part"), ((p.path, p.label, p.part) for p in chosen))

    @classmethod
    def load(cls, path: Path, root: Path, task: Task = SINGLE_LABEL) -> Catalog:
        """Read what `save` wrote.

        Args:
            path: The CSV.
            root: The folder that the photos are in now.
            task: What the label of a photo is.

        Raises:
            RunError: The file is missing or is no catalog.
        """
        try:
            # Bytes of names that are not UTF-8 come back as the surrogates they were.
            with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
                rows = csv.DictReader(file, strict=True)
                if not set(_REQUIRED) <= set(rows.fieldnames or ()):
                    raise ValueError("columns are missing")
                photos = tuple(_photo(row) for row in rows)
            scale = measured_scale(photo.samples for photo in photos)
        except OSError as error:
            raise RunError(f"{path} cannot be read: {error.strerror or error}.") from error
        except (csv.Error, LookupError, TypeError, ValueError, ArithmeticError) as error:
            raise RunError(
                f"{path} is not a catalog of photos, or it is damaged.\nCopy the run folder again."
            ) from error
        return cls(root.name, root, photos, pixel_scale=scale, task=task)


def _indices(numbers: Iterable[int]) -> IntArray:
    return np.fromiter(numbers, np.int64)


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    lines: list[str] = []
    # Only characters of its line end make csv quote a field, and a name may hold either.
    writer = csv.writer(SimpleNamespace(write=lines.append), lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(map(_inert, columns, row) for row in rows)
    write_text(path, "".join(line.removesuffix("\r\n") + "\n" for line in lines))


def _inert(column: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    return inert_path(value) if column == "path" else inert_cell(value)


def _photo(row: dict[str, str]) -> Photo:
    if None in row.values():
        raise ValueError("a cell is missing")
    values: dict[str, str | int | float] = {
        field.name: original_cell(row[field.name]) for field in fields(Photo) if field.name in row
    }
    values["path"] = original_path(row["path"])
    if values["part"] not in ("", *PARTS):
        raise ValueError(values["part"])
    values.update({name: read(row[name]) for name, read in _NUMBERS.items() if name in row})
    return Photo(**values)  # type: ignore[arg-type]
