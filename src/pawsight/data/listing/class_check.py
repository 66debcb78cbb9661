"""Check that a classifier can be trained on the classes of listed photos."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pawsight.data.catalog import Catalog
from pawsight.data.listing.label_patterns import proposed_pattern
from pawsight.data.listing.photo_finder import NOT_FOUND
from pawsight.data.listing.table_rows import TWO_LABELS
from pawsight.errors import DataError
from pawsight.formatting import counted, exclude_options, listed, printable, shell_quoted
from pawsight.progress import Progress
from pawsight.records import PARTS, Photo

_EXPECTED = """There should be a folder for each class:
  photos/
    cats/  cat1.jpg  cat2.jpg ...
    dogs/  dog1.jpg  dog2.jpg ...
or the same inside train/ and validation/ (and test/), or a .csv with the columns path and label."""


def check_classes(catalog: Catalog) -> None:
    """Check that a classifier can be trained on these photos.

    Args:
        catalog: The photos after listing, or after ingest, which finds more photos with a
            `problem`.

    Raises:
        DataError: A photo has two labels, no photo of a class can be read, there are fewer
            than two classes, or the train part lacks a class of another part.
    """
    photos, root, names_of = catalog.photos, catalog.root, catalog.names_of
    _check_one_label(photos, catalog.advice)
    counts = Counter(name for photo in photos if not photo.problem for name in names_of(photo))
    for name in sorted(set(catalog.class_names) - set(counts)):
        raise _unreadable(name, [photo for photo in photos if name in names_of(photo)], root)
    if len(counts) < 2 and catalog.task.is_multi_label:
        problem = f"only one label, '{next(iter(counts))}'" if counts else "no labels"
        raise DataError(
            f"The photos in {root} have {problem}; --multi-label needs two or more.\n"
            f"For a single yes/no question, leave --multi-label out, and use two classes, such as "
            f"'cat' and 'no cat'.\n{catalog.advice}".rstrip()
        )
    if len(counts) < 2:
        problem = "are photos but no classes"
        if counts:
            problem = f"is only one class, '{next(iter(counts))}',"
        raise DataError(
            f"There {problem} in {root}; two or more are needed.\n"
            f"{(catalog.advice + _hint(photos)).rstrip() or _EXPECTED}"
        )
    classes = {
        part: {n for p in photos if p.part == part and not p.problem for n in names_of(p)}
        for part in PARTS
    }
    train = classes["train"]
    for part in PARTS[1:] if train else ():
        for name in sorted(classes[part] - train):
            near = difflib.get_close_matches(name.lower(), {known.lower() for known in train}, n=1)
            hint = ""
            if near:
                spelled = next(known for known in sorted(train) if known.lower() == near[0])
                merge = shell_quoted(f"{spelled}={name}")
                hint = f" If it is '{spelled}' there, merge the two: --merge {merge}"
            raise DataError(
                f"The {part} part has a class '{name}' that the train part lacks.{hint}\n"
                f"Folder: {root}\n"
                f"The classes of the train part: {', '.join(sorted(train))}.\n"
                f"Add photos of it there, or leave it out: --exclude {shell_quoted(name)}"
            )


def report_missing_classes(catalog: Catalog, progress: Progress) -> None:
    """Write a note if a classifier cannot be trained on photos that are audited.

    There is no note on photos without any sign of classes.
    """
    try:
        check_classes(catalog)
    except DataError as error:
        if catalog.class_names or catalog.advice or _hint(catalog.photos):
            progress.note(f"To train on these photos: {error}")


def _hint(photos: Sequence[Photo]) -> str:
    """Return how folders or file names could give classes: a line of a message, or ""."""
    folders = [photo.path.split("/")[1:-1] for photo in photos]
    inner = sorted({names[0] for names in folders if names})
    if len(inner) > 1 and 2 * sum(map(bool, folders)) > len(folders):
        return f"The classes may be the subfolders {listed(inner)}: --class-level 2\n"
    pattern = proposed_pattern(photo.path.rpartition("/")[2] for photo in photos)
    if not pattern:
        return ""
    return f"The class may be in the name of each file: --label-pattern '{pattern}'\n"


def _unreadable(name: str, broken: Sequence[Photo], root: Path) -> DataError:
    advice = "Repair them"
    if broken[0].problem.startswith(NOT_FOUND):
        advice = "Correct the paths in the table, or put the files there"
    elif "save it as" in broken[0].problem:
        advice = "Convert them"
    return DataError(
        f"No photo of class '{name}' can be read ({counted(len(broken), 'file')}).\n"
        f"Folder: {root}\nThe first: {printable(broken[0].path)}: {broken[0].problem}\n"
        f"{advice}, or leave the class out: --exclude {shell_quoted(name)}"
    )


def _check_one_label(photos: Sequence[Photo], advice: str) -> None:
    twice = [photo for photo in photos if photo.problem.startswith(TWO_LABELS)]
    if twice:
        labels = twice[0].problem.removeprefix(TWO_LABELS).strip("'").replace("' and '", ", ")
        raise DataError(
            f"{counted(len(twice), 'photo has', 'photos have')} two labels, such as "
            f"{printable(twice[0].path)} ({labels}). They can be read in two ways; choose one:\n"
            "  a photo may show several of these: --multi-label (and if a cell of the table holds "
            "several labels, their separator, such as --label-separator ';')\n"
            f"  a photo shows one of these: give each photo one label in the table, or leave such "
            f"photos out: {exclude_options(photo.path for photo in twice)}"
            f"{advice and f'{chr(10)}  {advice.rstrip()}'}"
        )
