"""Tables that are next to photos: which of them give classes, and whether folders agree."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pawsight.config import SourceConfig
from pawsight.data.listing.class_names import class_name, listed
from pawsight.data.listing.corrections import is_corrections
from pawsight.data.listing.outline import Outline
from pawsight.data.listing.part_folders import flat_parts, inner_classes, part_folders
from pawsight.data.listing.photo_finder import NOT_FOUND, PhotoFinder
from pawsight.data.listing.table_labels import tidy_labels
from pawsight.data.listing.walk import SILENT
from pawsight.data.part_names import part_of
from pawsight.data.sources.table import Table, read_table
from pawsight.data.sources.table_columns import is_usual_label
from pawsight.data.sources.unread_files import advice_on_tables
from pawsight.errors import DataError, SourceError
from pawsight.formatting import counted
from pawsight.progress import Progress
from pawsight.records import Part

# The form for answers that a competition gives out.
_FORM = re.compile(r"sample[-_ ]?submission", re.IGNORECASE)
_MAX_LABELS = 20  # of a column that is no usual one, unless each has two photos


@dataclass(frozen=True, slots=True)
class _TableBeside:
    """A table next to photos.

    Attributes:
        path: Where it is.
        table: Its content; None where it cannot be read.
        problem: Why it gives no classes, or None.
    """

    path: Path
    table: Table | None
    problem: DataError | SourceError | None

    @property
    def labels(self) -> set[str]:
        """The labels that it gives, as they are written."""
        return {line.label for line in self.table.lines if line.label} if self.table else set()

    @property
    def advice(self) -> str:
        """What is wrong with it, for an error, with a line end; "" where nothing is."""
        if self.problem is None:
            return ""
        lines = str(self.problem).replace("\n", "\n  ")
        return f"The table {self.path.name} beside them is not used:\n  {lines}\n"


def choose_tables(
    outline: Outline, config: SourceConfig, progress: Progress
) -> tuple[dict[Path, Part | None], str]:
    """Choose the tables that give the classes of the photos they are next to.

    Args:
        outline: The folders.
        config: What the user chose.
        progress: Receives notes on tables that are used, and that are not.

    Returns:
        The part that each table is for as a whole, or None; {} where folders give the classes.
        And advice on the tables that are not used, for an error: lines, or "".

    Raises:
        DataError, SourceError: Folders and a table disagree, or a setting names what no table has.
    """
    found = _tables_in(outline, config)
    usable = _naming_photos(outline, [one for one in found if one.problem is None], progress)
    flat = flat_parts(outline, config)
    by_part = {one.path: part for one in usable if (part := part_of(one.path.stem))}
    if len(usable) != len(set(by_part.values())) or "train" not in by_part.values():
        by_part = {}
    if len(outline.folders()) > 1 and not flat and not config.columns:
        if config.class_level is None:
            for one in usable:
                _check_agreement(outline, one, config, by_part)
        _report_unused(outline, found, progress)
        return {}, ""
    if config.label_pattern:
        if usable:
            names = listed(one.path.name for one in usable)
            progress.note(f"Not used, since --label-pattern gives the classes: {names}.")
        _check_settings(outline, (), config)
        return {}, ""
    if len(by_part) > 1:
        return dict(by_part), ""
    inner = {
        one: part for name, part in flat.items() for one in _tables_in(outline, config, f"{name}/")
    }
    of_parts = {one.path: part for one, part in inner.items() if one.table and one.labels}
    labels = {label for one in inner for label in one.labels}
    if len(of_parts) == len(flat) > len(usable) and len(labels) > 1:
        return dict(of_parts), ""
    if not usable:
        _check_settings(outline, found, config)
        return {}, "".join(one.advice for one in (*found, *inner))
    if len(usable) > 1:
        names = listed(one.path.name for one in usable)
        advice = "Give one of them as the source to take the labels from it."
        progress.note(f"Not used, because there are several: {names}. {advice}")
        _check_settings(outline, found, config)
        return {}, f"Several tables beside them give classes: {names}. {advice}\n"
    progress.note(f"Taking the labels from {usable[0].path}.")
    if config.class_level is not None:
        progress.note(f"--class-level {config.class_level} has no effect on the labels of a table.")
    if others := [one.path.name for one in found if one.problem]:
        progress.note(f"Not used, since no classes are found in it: {listed(others)}.")
    return {usable[0].path: None}, ""


def report_unnamed(
    paths: Sequence[str], tables: Mapping[Path, Part | None], progress: Progress
) -> int:
    """Write a note on the photos beside tables that are in none of them; return their number."""
    if paths:
        names = listed(dict.fromkeys(path.name for path in tables))
        are = "is" if len(paths) == 1 else "are"
        progress.note(
            f"{counted(len(paths), 'photo')} without a line in {names} {are} left out, such as "
            f"{paths[0]}."
        )
    return len(paths)


def has_table(outline: Outline, config: SourceConfig) -> bool:
    """Return whether a table that could give classes is in this very folder."""
    return any(path.parent == outline.root for path in _paths(outline, config))


def _tables_in(outline: Outline, config: SourceConfig, prefix: str = "") -> list[_TableBeside]:
    return [_read(path, config) for path in _paths(outline, config, prefix)]


def _paths(outline: Outline, config: SourceConfig, prefix: str = "") -> list[Path]:
    return [path for path in outline.tables(prefix) if not is_corrections(path, config)]


def _naming_photos(
    outline: Outline, tables: Sequence[_TableBeside], progress: Progress
) -> list[_TableBeside]:
    """Return those of several tables that name photos here; all of them where none does.

    A list of the classes, such as `id,name`, looks like a table of photos and names none.
    """
    if len(tables) < 2 or len(outline.folders()) > 1:
        return list(tables)
    root, naming = str(outline.root), []
    for one in tables:
        parts = {line.path: line.part for line in one.table.lines} if one.table else {}
        found = PhotoFinder(root, str(one.path.parent), root).find(parts)
        if any(match.problem != NOT_FOUND for match in found.values()):
            naming.append(one)
    if naming and (others := [one.path.name for one in tables if one not in naming]):
        progress.note(
            f"Not used, since none of the photos that it names is here: {listed(others)}."
        )
    return naming or list(tables)


def _read(path: Path, config: SourceConfig) -> _TableBeside:
    try:
        table = read_table(path, config)
    except (SourceError, DataError) as error:
        return _TableBeside(path, None, error)
    found = _TableBeside(path, table, None)
    labels, heading = sorted(found.labels), table.label_heading
    # More would be measurements or names, but no classes.
    most = max(_MAX_LABELS, len(table.lines) // 2)
    problem = ""
    if _FORM.match(path.name):
        problem = f"{path} is the form for the answers of a competition."
    elif len(labels) < 2:
        only = f"only one label, '{labels[0]}'" if labels else "no labels"
        problem = f"The table {path} gives {only}; two or more are needed."
    elif len(labels) > most and not (is_usual_label(heading) or "label" in config.columns):
        problem = (
            f"The column {heading} of {path} has {len(labels):,} values, such as '{labels[0]}', "
            f"which seem to be no classes.\nIf they are: --columns label={heading}"
        )
    return _TableBeside(path, table, DataError(problem)) if problem else found


def _check_settings(outline: Outline, found: Sequence[_TableBeside], config: SourceConfig) -> None:
    """Refuse settings of a table where no table is used.

    Raises:
        DataError, SourceError: `columns` are set, or `parts` that the only table lacks.
    """
    if len(found) == 1 and (one := found[0]).problem is not None:
        plain = config.model_copy(update={"columns": {}, "parts": None})
        if config.columns or (config.parts and _read(one.path, plain).problem is None):
            raise one.problem
    if config.columns:
        names = listed(one.path.name for one in found)
        tables = f"several tables are in it: {names}" if found else "no table is in it"
        raise DataError(
            f"--columns names columns of a table, but {outline.root} is read by its folders, since "
            f"{tables}.\nGive the table itself as the source."
        )


def _report_unused(outline: Outline, found: Sequence[_TableBeside], progress: Progress) -> None:
    """Name the tables beside folders that give the classes: those usable, and the others."""
    if usable := [one.path.name for one in found if one.problem is None]:
        progress.note(f"Not used, since folders give the classes: {listed(usable)}.")
    for one in found:
        if one.problem is None and one.table and one.table.part_heading:
            progress.note(
                f"{one.path.name} gives parts, too, by its column {one.table.part_heading}. To "
                f"take classes and parts from it, give it as the source."
            )
    if others := [one.path.name for one in found if one.problem is not None]:
        progress.note(
            f"No classes are found in {listed(others)}, so the folders give them. To read why, "
            f"give the table as the source."
        )
    if advice := advice_on_tables(outline.root):
        progress.note(f"The folders give the classes. {advice.rstrip()}")


def _check_agreement(
    outline: Outline, one: _TableBeside, config: SourceConfig, by_part: Mapping[Path, Part]
) -> None:
    """Refuse folders beside a table that gives the photos in them other classes.

    Args:
        outline: The folders.
        one: The table.
        config: What the user chose.
        by_part: The tables, where each is for a part.

    Raises:
        DataError: The classes could be the folders, or be in the table.
    """
    lines = one.table.lines if one.table else ()
    labels = tidy_labels([line.label for line in lines], SILENT)
    root = str(outline.root)
    finder = PhotoFinder(root, str(one.path.parent), root)
    found = finder.find({line.path: line.part for line in lines})
    unclear, others, photos = {}, {}, set()
    for line, label in zip(lines, labels, strict=True):
        path, problem, _ = found[line.path]
        if problem == NOT_FOUND or not label:
            continue
        photos.add(line.path)
        if problem:
            unclear[line.path] = problem.removeprefix(f"{NOT_FOUND}; it ")
        elif label.casefold() not in class_name(path).casefold().split("/")[:-1]:
            others[path] = label
    if not unclear and not others:
        return
    give, name = f"give {one.path} as the source", one.path.name
    if others:
        path, label = next(iter(others.items()))
        what = (
            f"{name} gives {len(others):,} of {len(photos):,} photos in {outline.root} other "
            f"classes than their folders, such as {path} ({label})."
        )
    else:
        written, places = next(iter(unclear.items()))
        what = (
            f"{name} gives classes to photos in {outline.root}, but {len(unclear):,} of its "
            f"{len(photos):,} names are in several folders: {written} {places}."
        )
        give = f"write the folder of each photo into it as well, and {give}"
    heading = one.table.label_heading if one.table else ""
    names_of_all = name
    if len(by_part) > 1 and heading and others:  # a setting of tables makes them be read
        names_of_all = f"{listed(path.name for path in by_part)}, each for its part"
        give = f"--columns {shlex.quote(f'label={heading}')}"
    parts = part_folders(outline, config)
    if others and not unclear and len(by_part) < 2:
        _check_unlabelled_parts(outline, one.path, others, parts)
    is_divided = bool(parts)
    level = 2 if is_divided else 1
    top = outline.folders()
    names = {name for outer in top for name in outline.folders(f"{outer}/")} if is_divided else top
    raise DataError(
        f"{what}\nThe classes can be read in two ways; choose one:\n"
        f"  they are in {names_of_all}: {listed(sorted({*labels} - {''}))}: {give}\n"
        f"  they are the folders {listed(sorted(names))}: --class-level {level}"
    )


def _check_unlabelled_parts(
    outline: Outline, table: Path, labels: Mapping[str, str], parts: Mapping[str, Part]
) -> None:
    """Refuse a table that gives classes to the photos of a part without class folders.

    Raises:
        DataError: All photos in `labels`, by path, are in such parts.
    """
    flat = [name for name in parts if not inner_classes(outline, f"{name}/")]
    if not {path.partition("/")[0] for path in labels} <= set(flat):
        return
    path, label = next(iter(labels.items()))
    folder, _, rest = path.partition("/")
    raise DataError(
        f"{table.name} gives the classes of {counted(len(labels), 'photo')} in {listed(flat)}, "
        f"such as {path} ({label}); the classes of the other parts in {outline.root} are folders. "
        f"They are not read together.\n"
        f"Choose one:\n"
        f"  put these photos into class folders, such as {folder}/{label}/{rest}\n"
        f"  write the photos of the other parts into {table.name} as well, with a column part, and "
        f"give it as the source\n"
        f"  leave these photos out: --exclude {shlex.quote(table.name)}"
    )
