"""Check whether a table beside class folders gives the photos in them the same classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pawsight.config import SourceConfig
from pawsight.data.listing.class_names import class_name
from pawsight.data.listing.outline import Outline
from pawsight.data.listing.part_folders import inner_classes, part_folders
from pawsight.data.listing.photo_finder import NOT_FOUND, PhotoFinder
from pawsight.data.listing.table_labels import tidy_labels
from pawsight.data.sources.table import Table
from pawsight.errors import DataError
from pawsight.formatting import counted, listed, printable, shell_quoted
from pawsight.progress import SILENT
from pawsight.records import Part


def check_agreement(
    outline: Outline,
    table_path: Path,
    table: Table,
    config: SourceConfig,
    by_part: Mapping[Path, Part],
) -> None:
    """Refuse class folders beside a table that gives their photos other classes.

    Args:
        outline: The folders.
        table_path: The path of the table.
        table: The content of the table.
        config: The settings.
        by_part: The tables of the parts, if there is a table for each part.

    Raises:
        DataError: The folders or the table could give the classes.
    """
    labels = tidy_labels([line.label for line in table.lines], SILENT)
    others, unclear, num_photos = _compare(str(outline.root), table_path, table, labels)
    if not unclear and not others:
        return
    give, name = f"give {table_path} as the source", table_path.name
    if others:
        path, label = next(iter(others.items()))
        what = (
            f"{name} gives {len(others):,} of {num_photos:,} photos in {outline.root} other "
            f"classes than their folders, such as {printable(path)} ({label})."
        )
    else:
        written, candidates = next(iter(unclear.items()))
        what = (
            f"{name} gives classes to photos in {outline.root}, but {len(unclear):,} of its "
            f"{num_photos:,} names are in several folders: {printable(written)} {candidates}."
        )
        give = f"add the folder of each photo to its path in the table, and {give}"
    heading = table.label_heading
    names_of_all = name
    if len(by_part) > 1 and heading and others:  # with --columns, the tables are used
        names_of_all = f"{listed(path.name for path in by_part)}, each for its part"
        give = f"--columns {shell_quoted(f'label={heading}')}"
    parts = part_folders(outline, config)
    if others and not unclear and len(by_part) < 2:
        _check_unlabelled_parts(outline, table_path, others, parts)
    is_divided = bool(parts)
    level = 2 if is_divided else 1
    top = outline.folders()
    names = {name for outer in top for name in outline.folders(f"{outer}/")} if is_divided else top
    raise DataError(
        f"{what}\nThe classes can be read in two ways; choose one:\n"
        f"  they are in {names_of_all}: {listed(sorted({*labels} - {''}))}: {give}\n"
        f"  they are the folders {listed(sorted(names))}: --class-level {level}"
    )


def _compare(
    root: str, table_path: Path, table: Table, labels: Sequence[str]
) -> tuple[dict[str, str], dict[str, str], int]:
    """Compare the classes of a table with the folders of its photos.

    Returns:
        The label of each photo that is in no folder of that name, by path; the possible files of
        each ambiguous name; and the number of photos compared.
    """
    finder = PhotoFinder(root, str(table_path.parent), root)
    matches = finder.find({line.path: line.part for line in table.lines})
    others: dict[str, str] = {}
    unclear: dict[str, str] = {}
    photos = set()
    for line, label in zip(table.lines, labels, strict=True):
        path, problem, _ = matches[line.path]
        if problem == NOT_FOUND or not label:
            continue
        photos.add(line.path)
        if problem:
            unclear[line.path] = problem.removeprefix(f"{NOT_FOUND}; it ")
        elif label.casefold() not in class_name(path).casefold().split("/")[:-1]:
            others[path] = label
    return others, unclear, len(photos)


def _check_unlabelled_parts(
    outline: Outline, table: Path, labels: Mapping[str, str], parts: Mapping[str, Part]
) -> None:
    """Refuse a table that gives classes only to photos of parts without class folders."""
    flat = [name for name in parts if not inner_classes(outline, f"{name}/")]
    if not {path.partition("/")[0] for path in labels} <= set(flat):
        return
    path, label = next(iter(labels.items()))
    folder, _, rest = path.partition("/")
    raise DataError(
        f"{table.name} gives the classes of {counted(len(labels), 'photo')} in {listed(flat)}, "
        f"such as {path} ({label}); the classes of the other parts in {outline.root} are folders. "
        f"pawsight does not combine them; choose one:\n"
        f"  put these photos into class folders, such as {folder}/{label}/{rest}\n"
        f"  add the photos of the other parts to {table.name}, with a column part, and give it as "
        f"the source\n"
        f"  leave these photos out: --exclude {shell_quoted(table.name)}"
    )
