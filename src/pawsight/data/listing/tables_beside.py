"""Choose the tables beside photos that give classes, and check whether folders agree."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pawsight.config import SourceConfig
from pawsight.data.listing.corrections import is_corrections
from pawsight.data.listing.outline import Outline
from pawsight.data.listing.part_folders import flat_parts
from pawsight.data.listing.photo_finder import NOT_FOUND, PhotoFinder
from pawsight.data.listing.table_agreement import check_agreement
from pawsight.data.part_names import part_of
from pawsight.data.sources.table import Table, read_table
from pawsight.data.sources.table_columns import is_usual_label
from pawsight.data.sources.unread_files import advice_on_tables
from pawsight.errors import DataError, SourceError
from pawsight.formatting import counted, listed, printable
from pawsight.progress import Progress
from pawsight.records import Part

# The template for the answers of a competition, such as on Kaggle.
_TEMPLATE = re.compile(r"sample[-_ ]?submission", re.IGNORECASE)
_MAX_LABELS = 20  # in a column without a usual heading, unless each label has two photos


@dataclass(frozen=True, slots=True)
class _TableBeside:
    """A table beside photos."""

    path: Path
    table: Table | None  # the content; None if it cannot be read
    problem: DataError | SourceError | None  # why it gives no classes, or None

    @property
    def labels(self) -> set[str]:
        """The labels in the table, as they are written."""
        return {line.label for line in self.table.lines if line.label} if self.table else set()

    @property
    def advice(self) -> str:
        """Lines of a message that state the problem; "" if there is none."""
        if self.problem is None:
            return ""
        lines = str(self.problem).replace("\n", "\n  ")
        return f"The table {self.path.name} beside them is not used:\n  {lines}\n"


def choose_tables(
    outline: Outline, config: SourceConfig, progress: Progress
) -> tuple[dict[Path, Part | None], str]:
    """Choose the tables beside photos that give their classes.

    Args:
        outline: The folders.
        config: The settings.
        progress: Receives notes on the choice.

    Returns:
        The chosen tables, each with the part that it is for, or None; {} if folders give the
        classes. And lines of a message on tables that are not used, or "".

    Raises:
        DataError, SourceError: Folders and a table disagree, or settings need a table, and none
            can be used.
    """
    found = _tables_in(outline, config)
    usable = _naming_photos(outline, [table for table in found if table.problem is None], progress)
    flat = flat_parts(outline, config)
    by_part = {table.path: part for table in usable if (part := part_of(table.path.stem))}
    if len(usable) != len(set(by_part.values())) or "train" not in by_part.values():
        by_part = {}
    if len(outline.folders()) > 1 and not flat and not config.columns:
        for table in usable if config.class_level is None else ():
            if table.table:
                check_agreement(outline, table.path, table.table, config, by_part)
        _report_unused(outline, found, progress)
        return {}, ""
    if config.label_pattern:
        if usable:
            names = listed(table.path.name for table in usable)
            progress.note(f"Not used, since --label-pattern gives the classes: {names}.")
        _check_settings(outline, (), config)
        return {}, ""
    if len(by_part) > 1:
        return dict(by_part), ""
    inner = {
        t: part for name, part in flat.items() for t in _tables_in(outline, config, f"{name}/")
    }
    of_parts = {table.path: part for table, part in inner.items() if table.table and table.labels}
    labels = {label for table in inner for label in table.labels}
    if len(of_parts) == len(flat) > len(usable) and len(labels) > 1:
        return dict(of_parts), ""
    if not usable:
        _check_settings(outline, found, config)
        return {}, "".join(table.advice for table in (*found, *inner))
    if len(usable) > 1:
        names = listed(table.path.name for table in usable)
        advice = "Give one of them as the source to take the labels from it."
        progress.note(f"Not used, because there are several: {names}. {advice}")
        _check_settings(outline, found, config)
        return {}, f"Several tables beside them give classes: {names}. {advice}\n"
    progress.note(f"Taking the labels from {usable[0].path}.")
    if config.class_level is not None:
        progress.note(f"--class-level {config.class_level} has no effect on the labels of a table.")
    if others := [table.path.name for table in found if table.problem]:
        progress.note(f"Not used, since no classes are found in it: {listed(others)}.")
    return {usable[0].path: None}, ""


def report_unnamed(
    paths: Sequence[str], tables: Mapping[Path, Part | None], progress: Progress
) -> int:
    """Write a note on photos beside tables that no table names; return their number."""
    if paths:
        names = listed(dict.fromkeys(path.name for path in tables))
        are = "is" if len(paths) == 1 else "are"
        progress.note(
            f"{counted(len(paths), 'photo')} without a line in {names} {are} left out, such as "
            f"{printable(paths[0])}."
        )
    return len(paths)


def has_table(outline: Outline, config: SourceConfig) -> bool:
    """Return whether a table is directly in the folder of an outline, except corrections."""
    return any(path.parent == outline.root for path in _paths(outline, config))


def _tables_in(outline: Outline, config: SourceConfig, prefix: str = "") -> list[_TableBeside]:
    return [_read(path, config) for path in _paths(outline, config, prefix)]


def _paths(outline: Outline, config: SourceConfig, prefix: str = "") -> list[Path]:
    return [path for path in outline.tables(prefix) if not is_corrections(path, config)]


def _naming_photos(
    outline: Outline, tables: Sequence[_TableBeside], progress: Progress
) -> list[_TableBeside]:
    """Return the tables that name existing photos; all tables if none does.

    A list of classes, such as `id,name`, looks like a table of photos but names none.
    """
    if len(tables) < 2 or len(outline.folders()) > 1:
        return list(tables)
    root, naming = str(outline.root), []
    for table in tables:
        parts = {line.path: line.part for line in table.table.lines} if table.table else {}
        matches = PhotoFinder(root, str(table.path.parent), root).find(parts)
        if any(match.problem != NOT_FOUND for match in matches.values()):
            naming.append(table)
    if naming and (others := [table.path.name for table in tables if table not in naming]):
        progress.note(f"Not used, since none of the photos that it names exists: {listed(others)}.")
    return naming or list(tables)


def _read(path: Path, config: SourceConfig) -> _TableBeside:
    try:
        table = read_table(path, config)
    except (SourceError, DataError) as error:
        return _TableBeside(path, None, error)
    found = _TableBeside(path, table, None)
    labels, heading = sorted(found.labels), table.label_heading
    # A column of more values probably holds measurements or names.
    max_labels = max(_MAX_LABELS, len(table.lines) // 2)
    problem = ""
    if _TEMPLATE.match(path.name):
        problem = f"{path} is the template for the answers of a competition."
    elif len(labels) < 2:
        only = f"only one label, '{labels[0]}'" if labels else "no labels"
        problem = f"The table {path} gives {only}; two or more are needed."
    elif len(labels) > max_labels and not (is_usual_label(heading) or "label" in config.columns):
        problem = (
            f"The column {heading} of {path} has {len(labels):,} values, such as '{labels[0]}', "
            f"which seem to be no classes.\nIf they are: --columns label={heading}"
        )
    return _TableBeside(path, table, DataError(problem)) if problem else found


def _check_settings(outline: Outline, found: Sequence[_TableBeside], config: SourceConfig) -> None:
    """Refuse settings for tables if no table is used."""
    if len(found) == 1 and (table := found[0]).problem is not None:
        plain = config.model_copy(update={"columns": {}, "parts": None})
        if config.columns or (config.parts and _read(table.path, plain).problem is None):
            raise table.problem
    if config.columns:
        names = listed(table.path.name for table in found)
        tables = f"several tables are in it: {names}" if found else "no table is in it"
        raise DataError(
            f"--columns names columns of a table, but {outline.root} is read by its folders, since "
            f"{tables}.\nGive the table itself as the source."
        )


def _report_unused(outline: Outline, tables: Sequence[_TableBeside], progress: Progress) -> None:
    """Write notes on the tables that are not used because folders give the classes."""
    if usable := [table.path.name for table in tables if table.problem is None]:
        progress.note(f"Not used, since folders give the classes: {listed(usable)}.")
    for table in tables:
        if table.problem is None and table.table and table.table.part_heading:
            progress.note(
                f"{table.path.name} gives parts, too, by its column {table.table.part_heading}. To "
                f"use its classes and parts, give it as the source."
            )
    if others := [table.path.name for table in tables if table.problem is not None]:
        progress.note(
            f"No classes are found in {listed(others)}, so the folders give them. To read why, "
            f"give the table as the source."
        )
    if advice := advice_on_tables(outline.root):
        progress.note(f"The folders give the classes. {advice.rstrip()}")
