"""List every photo of a source, and decide which class, part and group it belongs to.

There are three layouts: class folders; parts with class folders (or the reverse); a table.
Photos without classes get the label "", since they can be audited and predicted. No photo is
opened. Every file is listed or counted, and notes state how folders and tables were interpreted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pawsight.config import SourceConfig
from pawsight.data.catalog import Catalog
from pawsight.data.file_types import EXAMPLES
from pawsight.data.listing import selection
from pawsight.data.listing.class_names import class_name
from pawsight.data.listing.corrections import corrected, corrections_path
from pawsight.data.listing.joined_copies import joined_copies
from pawsight.data.listing.label_patterns import found_in
from pawsight.data.listing.left_out import LeftOut
from pawsight.data.listing.outline import Outline
from pawsight.data.listing.part_folders import flat_parts, part_folders, parts_of_paths
from pawsight.data.listing.photo_groups import Grouping
from pawsight.data.listing.structure import Structure, read_structure
from pawsight.data.listing.table_labels import with_one_spelling
from pawsight.data.listing.table_rows import TWO_LABELS, TableRows
from pawsight.data.listing.tables_beside import choose_tables, has_table, report_unnamed
from pawsight.data.listing.walk import FolderListing, list_folder, walk
from pawsight.data.sources.source import Source
from pawsight.data.sources.table import Table, read_table
from pawsight.data.sources.unread_files import advice_on_files
from pawsight.errors import DataError, SourceError
from pawsight.formatting import counted, listed, printable
from pawsight.progress import SILENT, Progress
from pawsight.records import Part, Photo

_LOOSE = "it is outside the class folders, so its class is unknown"
_UNMATCHED = "its name does not match --label-pattern, so its class is unknown"
_MAX_ENCLOSING = 4  # nested folders that are skipped because they only enclose another folder


def scan(
    source: Source,
    progress: Progress = SILENT,
    group_by: str | None = None,
    config: SourceConfig | None = None,
) -> Catalog:
    """List the photos of a source, and write notes on how its folders or table were interpreted.

    Args:
        source: The source.
        progress: Receives the number of photos of each folder, and the notes.
        group_by: What the `group` of a photo is, as in `SplitConfig`. None uses the column
            "group" of a table.
        config: How to interpret folders or tables, and which photos to use.

    Raises:
        SourceError: The folder cannot be read, or contains no photos.
        DataError: The folders or the table are ambiguous or invalid, or a setting names a folder,
            column or class that does not exist.
    """
    progress.start("Listing photos", None, "photos")
    return _Scan(source, progress, Grouping(group_by), config or SourceConfig()).listing()


class _Scan:
    """One listing of a source."""

    def __init__(
        self, source: Source, progress: Progress, grouping: Grouping, config: SourceConfig
    ) -> None:
        self._source = source
        self._progress = progress
        self._grouping = grouping
        self._config = config
        self._left_out = LeftOut(config.exclude, takes_sorted=False)
        self._outline = Outline(source.root, self._left_out)
        self._found = FolderListing()
        self._parts_origin = "as given"
        self._has_table = False
        self._advice = ""

    def listing(self) -> Catalog:
        """Return the catalog."""
        if self._source.lines is not None:
            origin = self._read_lines(Table(self._source.lines), self._source.root / "labels")
        elif self._source.table is not None:
            origin = self._read_tables({self._source.table: None})
        elif tables := self._tables_beside():
            origin = self._read_tables(tables)
            named = {photo.path for photo in self._found.photos} | self._left_out.photos
            beside = walk(str(self._outline.root), left_out=self._left_out).photos
            unnamed = sorted(photo.path for photo in beside if photo.path not in named)
            self._found.num_ignored += report_unnamed(unnamed, tables, self._progress)
        else:
            origin = self._read_folders()
        self._left_out.report(self._progress)
        photos = sorted(self._found.photos, key=lambda photo: photo.path)
        if not photos:
            others = counted(self._found.num_ignored, "other file")
            raise SourceError(
                f"There are no photos in {self._source.root}"
                f"{f', only {others}' if self._found.num_ignored else ''}.\n"
                f"{self._advice or advice_on_files(self._source.root)}{EXAMPLES}"
            )
        if not self._has_table and {photo.part for photo in photos} == {"train"}:
            photos = [replace(photo, part="") for photo in photos]  # the split divides them
        task = self._config.task
        corrections = corrections_path(self._outline.root, self._config)
        if corrections and task.is_multi_label:
            self._progress.note(f"{corrections} is not used: it gives each photo one label.")
        elif corrections:
            is_set = self._config.labels is not None
            photos = corrected(*(photos, self._outline.root, corrections, self._progress, is_set))
        if task.is_multi_label and not self._has_table:
            photos = joined_copies(self._outline.root, photos, self._progress)
        photos, none_paths = selection.without_none(photos, self._config, self._progress)
        photos = selection.selected(photos, self._config, self._progress)
        photos = self._grouping.checked(photos, self._progress)
        if len({photo.label for photo in photos if photo.label}) < 2 and not any(
            photo.problem.startswith(TWO_LABELS) for photo in photos
        ):
            advice = selection.advice_on_few(self._config, origin if self._has_table else "")
            self._advice += advice or ("" if self._advice else advice_on_files(self._source.root))
        selection.report_classes(photos, task, origin, self._parts_origin, self._progress)
        return Catalog(
            *(self._source.name, self._outline.root, tuple(photos), self._found.num_ignored),
            task=task,
            none_paths=none_paths,
            advice=self._advice,
        )

    def _tables_beside(self) -> dict[Path, Part | None]:
        """Skip enclosing folders; return the tables that give the classes, {} if folders do."""
        outline = self._outline
        if error := outline.error(""):
            reason = error.strerror or error
            raise SourceError(f"The folder {outline.root} cannot be read: {reason}.") from error
        if outline.is_run:
            raise SourceError(
                f"{outline.root} holds results of pawsight, not photos to train on.\n"
                f"Give the folder that the photos are in."
            )
        if self._config.class_level is None:
            self._skip_enclosing()
        tables, self._advice = choose_tables(self._outline, self._config, self._progress)
        return tables

    def _skip_enclosing(self) -> None:
        """Skip folders that only enclose another folder, if that holds classes or a table."""
        outline = self._outline
        for _ in range(_MAX_ENCLOSING):
            names = outline.folders()
            if len(names) != 1 or outline.has_photos():
                break
            outline = Outline(outline.root / names[0], self._left_out, outline)
            is_outermost = self._outline.root == self._source.root
            if len(outline.folders()) > 1 or (is_outermost and has_table(outline, self._config)):
                self._outline = outline
        if self._outline.root != self._source.root:
            self._progress.note(
                f"All photos are in {self._outline.root}; reading the classes there."
            )

    def _read_tables(self, tables: Mapping[Path, Part | None]) -> str:
        """List the photos that tables name; return the origin of the classes, for a note."""
        origin = ""
        for path, part in tables.items():
            table = read_table(path, self._config, self._grouping.table_column)
            origin = self._read_lines(table, path, part)
        if len(tables) > 1:
            photos, task = self._found.photos, self._config.task
            self._found.photos = with_one_spelling(photos, task, self._progress)
        counts = Counter(photo.path for photo in self._found.photos)
        if twice := [path for path, count in counts.items() if count > 1]:
            names = listed(path.name for path in tables)
            raise DataError(
                f"{counted(len(twice), 'photo is', 'photos are')} in more than one of {names}, "
                f"such as {twice[0]}.\nKeep each photo in one table."
            )
        return origin

    def _read_lines(self, table: Table, path: Path, part: Part | None = None) -> str:
        self._has_table = True
        is_source = self._source.table is not None or self._source.lines is not None
        rows = TableRows(
            *(str(self._outline.root), table, path, self._grouping, self._left_out),
            *(self._config, is_source, self._progress),
        )
        photos = rows.photos()
        self._advice += rows.advice
        if table.part_heading:
            self._parts_origin = f"by its column {table.part_heading}"
        elif part is None:
            photos = self._with_parts_of_folders(photos, path)
        self._found.photos += [replace(p, part=part) for p in photos] if part else photos
        if self._source.lines is not None:
            return self._source.name
        column = f"the column {table.label_heading}" if table.label_heading else "columns"
        return f"{column} of {path.name}"

    def _with_parts_of_folders(self, photos: list[Photo], table: Path) -> list[Photo]:
        """Return photos of a table without parts, with the parts of their folders, if any."""
        if parts := parts_of_paths([photo.path for photo in photos], self._config):
            return [replace(photo, part=part) for photo, part in zip(photos, parts, strict=True)]
        if isinstance(self._config.parts, dict):
            names = [name for folders in self._config.parts.values() for name in folders]
            raise DataError(
                f"--parts names {listed(names)}, but {table} has no column of parts, and not all "
                f"of its photos are in folders of these names.\nIf a column gives the parts: "
                f"--columns part=NAME"
            )
        return photos

    def _read_folders(self) -> str:
        if self._grouping.is_by_column:
            column = self._grouping.column
            raise DataError(
                f"The photos in {self._source.root} cannot be grouped by '{column}': no table is "
                f"used.\nGive a .csv with the columns path, label and {column}; or group by "
                f"folder, or by a pattern of file names, such as '{column}(\\d+)'."
            )
        if self._config.label_pattern:
            return self._read_names(re.compile(self._config.label_pattern))
        structure = read_structure(self._outline, self._config, self._grouping.is_by_folder)
        if structure is None:
            self._add("")
        else:
            self._read_classes(structure)
        return "folder names"

    def _read_classes(self, structure: Structure) -> None:
        root = str(self._outline.root)
        for prefix in structure.enclosing:
            found = list_folder(root, prefix, left_out=self._left_out)
            parts = {inner.part for inner in structure.classes if inner.prefix.startswith(prefix)}
            if self._config.task.is_multi_label and len(parts) == 1:
                self._found.photos += [
                    replace(p, part=part) for part in parts for p in found.photos
                ]
                found.photos.clear()
            loose = [p if p.problem else replace(p, problem=_LOOSE) for p in found.photos]
            self._found.photos += loose
            self._found.num_ignored += found.num_ignored
            if loose:
                self._progress.note(
                    f"Left out: {counted(len(loose), 'photo')} in {root}/{prefix} outside its "
                    f"class folders, such as {printable(loose[0].path)}."
                )
        for folder in structure.classes:
            self._add(folder.prefix, folder.label, folder.part)
        for name, reason in structure.left_out.items():
            found = walk(root, f"{name}/", progress=self._progress, left_out=self._left_out)
            self._progress.note(
                f"Left out {printable(name)}/: {reason} ({counted(len(found.photos), 'photo')})."
            )
            self._found.num_ignored += len(found.photos) + found.num_ignored
        for text in structure.notes:
            self._progress.note(text)

    def _read_names(self, pattern: re.Pattern[str]) -> str:
        """List photos with the classes in their file names; folders may be parts."""
        parts = part_folders(self._outline, self._config) or flat_parts(self._outline, self._config)
        if self._config.parts == "none":
            parts = {}
        for name in parts or ("",):
            prefix = f"{name}/" if name else ""
            before = len(self._found.photos)
            self._add(prefix, "", parts.get(name, ""))
            photos = self._found.photos[before:]
            labels = [class_name(found_in(pattern, photo.path)) for photo in photos]
            if parts and not any(labels):
                del self._found.photos[before:]
                self._found.num_ignored += len(photos)
                self._progress.note(
                    f"Left out {prefix}: no name matches --label-pattern "
                    f"({counted(len(photos), 'photo')})."
                )
                continue
            self._found.photos[before:] = [
                replace(photo, label=label, problem=photo.problem or ("" if label else _UNMATCHED))
                for photo, label in zip(photos, labels, strict=True)
            ]
        if not any(photo.label for photo in self._found.photos):
            raise DataError(
                f"--label-pattern '{pattern.pattern}' matches no photo in {self._outline.root}."
            )
        return f"file names by '{pattern.pattern}'"

    def _add(self, prefix: str, label: str = "", part: Part | Literal[""] = "") -> None:
        """List a folder and its subfolders."""
        root = str(self._outline.root)
        found = walk(root, prefix, label, part, self._progress, self._left_out)
        self._found.photos += self._grouping.in_folder(found.photos, prefix)
        self._found.num_ignored += found.num_ignored
