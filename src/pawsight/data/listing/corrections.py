"""Apply corrected labels: a table of paths and labels that overrides folders and tables.

The photos, their folders and their tables are not changed. A table named corrections.csv in
the folder of the photos is used without an option.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pawsight.config import SourceConfig
from pawsight.data.listing.class_names import class_name
from pawsight.data.listing.photo_finder import NOT_FOUND, PhotoFinder
from pawsight.data.sources.table import read_rows
from pawsight.data.sources.table_cells import check_text
from pawsight.errors import DataError, SourceError
from pawsight.formatting import counted, listed, original_cell, printable
from pawsight.progress import Progress
from pawsight.records import Photo

FILE_NAME = "corrections.csv"
OFF = "none"  # the setting that uses no corrections, not even corrections.csv
_UNANSWERED = "the corrections give it no label"


def corrections_path(root: Path, config: SourceConfig) -> Path | None:
    """Return the table of corrections to use; None if there is none.

    Args:
        root: The folder of the photos.
        config: The settings; `labels` is a file, "none", or None for corrections.csv in `root`.

    Raises:
        SourceError: The file that `labels` names does not exist.
    """
    if config.labels == OFF:
        return None
    if config.labels is not None:
        path = Path(config.labels).expanduser()
        if not path.is_file():
            raise SourceError(
                f"There is no table of corrections {path}.\n"
                f"Give a .csv with the columns path and label, or --labels none."
            )
        return path
    path = root / FILE_NAME
    return path if path.is_file() else None


def is_corrections(path: Path, config: SourceConfig) -> bool:
    """Return whether a table in the folder of the photos is a table of corrections."""
    if path.name == FILE_NAME:
        return True
    if config.labels in (None, OFF):
        return False
    return Path(config.labels).expanduser().resolve() == path.resolve()


def corrected(
    photos: Sequence[Photo], root: Path, path: Path, progress: Progress, is_required: bool
) -> list[Photo]:
    """Return photos with the labels of a table of corrections.

    A photo with an empty label in the table gets a `problem`, so that it is left out.

    Args:
        photos: The listed photos.
        root: The folder that their paths, and the paths in the table, are relative to.
        path: The table, with the columns path and label.
        progress: Receives notes on the changes.
        is_required: Whether it is an error if the table names none of the photos.

    Raises:
        SourceError: The table cannot be read.
        DataError: The table is damaged, has two labels for a photo, or names none of the photos.
    """
    labels = _read(path)
    matches = PhotoFinder(str(root), str(root), str(root)).find(dict.fromkeys(labels, ""))
    indices = {photo.path: index for index, photo in enumerate(photos)}
    changed, missing, num_changed = list(photos), [], 0
    for written, label in labels.items():
        index = indices.get(matches[written].path)
        if index is None:
            problem = matches[written].problem.removeprefix(NOT_FOUND).lstrip("; ")
            missing.append(f"{written}, {problem}" if problem else written)
            continue
        photo = photos[index]
        if label == photo.label:
            continue
        num_changed += 1
        problem = photo.problem or ("" if label else _UNANSWERED)
        changed[index] = replace(photo, label=label or photo.label, problem=problem)
    if is_required and labels and len(missing) == len(labels):
        raise DataError(
            f"No photo that {path} names is in {root}, such as {printable(missing[0])}.\n"
            f"Each path must be relative to that folder, and match one file."
        )
    _report(photos, changed, path, num_changed, missing, progress)
    return changed


def _read(path: Path) -> dict[str, str]:
    labels: dict[str, str] = {}
    for number, cells in read_rows(path, ("path", "label"), "path,label"):
        written = cells.get("path", "")
        if not written or "\0" in written:
            raise DataError(f"Line {number} of {path} has no path.")
        check_text(path, number, [cells.get("label", "")], can_choose=False)
        label = class_name(original_cell(cells.get("label", "")))
        if labels.setdefault(written, label) != label:
            raise DataError(
                f"Line {number} of {path} gives {written} the label '{label}', and an earlier "
                f"line gives it '{labels[written]}'.\nRemove one of these lines."
            )
    return labels


def _report(
    before: Sequence[Photo],
    after: Sequence[Photo],
    path: Path,
    num_changed: int,
    missing: Sequence[str],
    progress: Progress,
) -> None:
    progress.note(f"{counted(num_changed, 'label is', 'labels are')} corrected by {path}.")
    num_left_out = sum(photo.problem == _UNANSWERED for photo in after)
    if num_left_out:
        progress.note(f"Left out: {counted(num_left_out, 'photo')} without a label there.")
    unclear = [written for written in missing if ", it could be " in written]
    missing = [written for written in missing if written not in unclear]
    for written in unclear:
        progress.note(f"Not corrected: {written}. Add the folder of the photo to the path.")
    if missing:
        photos_were = counted(len(missing), "photo of the table was", "photos of the table were")
        progress.note(f"{photos_were} not found: {listed(missing, 3)}.")
    known, now = ({photo.label for photo in photos if photo.label} for photos in (before, after))
    if now - known:
        progress.note(f"New classes by the corrections: {listed(sorted(now - known))}.")
