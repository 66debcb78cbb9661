"""The catalog: the table of all photos of a source.

The later stages refer to a photo by its index in `photos`. This module opens no photo.
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

# The most important columns come first, unlike in `Photo`.
_REQUIRED = (
    *("path", "label", "part", "group", "problem", "flaw", "format", "width", "height", "size"),
    *("brightness", "contrast", "sharpness", "sha256", "phash", "mtime_ns"),
)
# Catalogs of earlier versions may lack the other columns.
_COLUMNS = (*_REQUIRED, *(field.name for field in fields(Photo) if field.name not in _REQUIRED))
_NUMBERS: dict[str, Callable[[str], float]] = {
    field.name: {"int": int, "float": float}[str(field.type)]
    for field in fields(Photo)
    if field.type in ("int", "float")
}


@dataclass(frozen=True)
class Catalog:
    """All photos of a source, including those that cannot be used."""

    name: str  # the name of the source, for display
    root: Path  # the folder that the paths are relative to
    photos: tuple[Photo, ...]  # sorted by path
    num_ignored: int = 0  # the number of other files in the source
    pixel_scale: PixelScale = STANDARD  # the rule that scaled values of more than 8 bits
    task: Task = SINGLE_LABEL  # whether a photo has one class or several labels
    # Paths of photos of none of the classes; only an audit has them among `photos`, too.
    none_paths: tuple[str, ...] = ()
    advice: str = ""  # if the photos have no classes: lines of a message that state what to do

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """The labels, sorted, including classes whose photos are all broken."""
        return tuple(sorted({name for photo in self.photos for name in self.names_of(photo)}))

    def names_of(self, photo: Photo) -> tuple[str, ...]:
        """Return the labels of a photo: none, one or several."""
        return self.task.names_of(photo.label)

    @cached_property
    def usable(self) -> IntArray:
        """Indices of the photos without a problem, ascending."""
        usable = (i for i, photo in enumerate(self.photos) if not photo.problem)
        return np.fromiter(usable, np.int64)

    @cached_property
    def broken(self) -> tuple[Photo, ...]:
        """The photos that cannot be used; their `problem` states why."""
        return tuple(photo for photo in self.photos if photo.problem)

    @cached_property
    def has_parts(self) -> bool:
        """Whether any usable photo belongs to a part."""
        return any(self.photos[i].part for i in self.usable)

    def part(self, part: Part) -> IntArray:
        """Return the indices of the usable photos of a part, ascending."""
        return self._parts[part]

    @cached_property
    def _parts(self) -> dict[Part, IntArray]:
        indices: dict[str, list[int]] = {part: [] for part in ("", *PARTS)}
        for i in self.usable:
            indices[self.photos[i].part].append(i)
        return {part: np.array(indices[part], np.int64) for part in PARTS}

    def with_parts(self, parts: Mapping[int, Part | Literal[""]]) -> Catalog:
        """Return the catalog with new parts for some photos, by index; other parts are kept."""
        photos = list(self.photos)
        for index, part in parts.items():
            if photos[index].part != part:
                photos[index] = replace(photos[index], part=part)
        return replace(self, photos=tuple(photos))

    def labels(self, indices: IntArray | Sequence[int]) -> IntArray:
        """Return the labels of photos as integers.

        Args:
            indices: Indices of photos, shape [N].

        Returns:
            Class indices 0..K-1, shape [N]; for a multi-label task 1 or 0 for each class,
            shape [N, K].

        Raises:
            DataError: A photo has no label, and the task is not multi-label.
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
        """Write all rows as CSV, atomically; no cell is a formula to a spreadsheet.

        Raises:
            DiskError: The file cannot be written.
        """
        rows = ([values[column] for column in _COLUMNS] for values in map(asdict, self.photos))
        _write(path, _COLUMNS, rows)

    def save_split(self, path: Path) -> None:
        """Write path, label and part of the usable photos as a CSV table that `train` can read.

        No cell is a formula to a spreadsheet.

        Raises:
            DiskError: The file cannot be written.
        """
        chosen = (self.photos[i] for i in self.usable)
        _write(path, ("path", "label", "part"), ((p.path, p.label, p.part) for p in chosen))

    @classmethod
    def load(cls, path: Path, root: Path, task: Task = SINGLE_LABEL) -> Catalog:
        """Load a catalog that `save` wrote.

        Args:
            path: The CSV file.
            root: The folder that the photos are in now.
            task: Whether a photo has one class or several labels.

        Raises:
            RunError: The file is missing or is no catalog.
        """
        try:
            # Bytes of names that are not UTF-8 become surrogates, as they were when saved.
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


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    lines: list[str] = []
    # csv quotes a field with "\r" or "\n" only if that is part of the line terminator; a name may
    # contain both.
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
