"""Tables that are next to photos: which of them give classes, and whether folders agree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pawsight.config import SourceConfig
from pawsight.data.listing import corrections
from pawsight.data.listing.class_names import class_name, listed
from pawsight.data.listing.outline import Outline
from pawsight.data.listing.photo_finder import PhotoFinder
from pawsight.data.sources.table import Table, read_table
from pawsight.data.sources.table_columns import is_usual_label
from pawsight.errors import DataError, SourceError
from pawsight.progress import Progress

# The form for answers that a competition gives out.
_FORM = re.compile(r"sample[-_ ]?submission", re.IGNORECASE)
_MOST_LABELS = 20  # of a column that is no usual one, unless each has two photos
_TRIED = 20  # lines whose photos are searched for


def usable_tables(outline: Outline, config: SourceConfig, prefix: str = "") -> list[Path]:
    """Return the tables in a folder that give two classes or more."""
    names = (name for name in outline.tables(prefix) if name != corrections.FILE_NAME)
    paths = (outline.root / prefix / name for name in names)
    return [path for path in paths if _table(path, config) is not None]


def report_unused(outline: Outline, usable: Sequence[Path], progress: Progress) -> None:
    """Name the tables beside folders that give the classes: those usable, and the others."""
    if usable:
        names = listed(path.name for path in usable)
        progress.note(f"Not used, since folders give the classes: {names}.")
    known = {corrections.FILE_NAME, *(path.name for path in usable)}
    if others := [name for name in outline.tables("") if name not in known]:
        progress.note(
            f"No classes are found in {listed(others)}, so the folders give them. To read why, "
            f"give the table as the source."
        )


def check_agreement(outline: Outline, tables: Sequence[Path], config: SourceConfig) -> None:
    """Refuse folders beside a table that gives the photos in them other classes.

    Raises:
        DataError: The classes could be the folders, or be in the table.
    """
    top = outline.folders()
    inner = {name for outer in top for name in outline.folders(f"{outer}/")}
    names = {class_name(name).casefold() for name in (*top, *inner)}
    for path in tables:
        table = _table(path, config)
        if table is None:
            continue
        labels = sorted({line.label for line in table.lines if line.label})
        if names.issuperset(class_name(label).casefold() for label in labels):
            continue
        finder = PhotoFinder(str(outline.root), str(path.parent), str(outline.root))
        found = finder.find({line.path: line.part for line in table.lines[:_TRIED]})
        if all(match.problem for match in found.values()):
            continue
        raise DataError(
            f"The classes of the photos in {outline.root} can be read in two ways; choose one:\n"
            f"  they are in {path.name}: {listed(labels)}: give {path} as the source\n"
            f"  they are the folders {listed(top)}: --class-level 1"
        )


def _table(path: Path, config: SourceConfig) -> Table | None:
    try:
        table = read_table(path, config)
    except (SourceError, DataError):
        return None
    num_labels = len({line.label for line in table.lines})
    # More would be measurements or names, but no classes.
    most = max(_MOST_LABELS, len(table.lines) // 2)
    is_label = is_usual_label(table.label_heading) or num_labels <= most
    return table if num_labels > 1 and is_label and not _FORM.match(path.name) else None
