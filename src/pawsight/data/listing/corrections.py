"""Corrected labels: a small table of paths and labels over what folders or tables give.

The photos, their folders and their tables stay as they are. A table called
corrections.csv in the folder of the photos is used without being asked for.
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
from pawsight.formatting import counted, listed, original_cell
from pawsight.progress import Progress
from pawsight.records import Photo

FILE_NAME = "corrections.csv"
OFF = "none"  # the setting that uses no corrections, not even those beside the photos
_UNANSWERED = "the corrections give it no label"


def corrections_path(root: Path, config: SourceConfig) -> Path | None:
    """Return the table of corrections that is used; None where there is none.

    Args:
        root: The folder of the photos.
        config: Its `labels` are a file, "none", or None for corrections.csv in that folder.

    Raises:
        SourceError: The file that `labels` names is not there.
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
    """Return whether a table among the photos is one of corrections."""
    if path.name == FILE_NAME:
        return True
    if config.labels in (None, OFF):
        return False
    return Path(config.labels).expanduser().resolve() == path.resolve()


def corrected(
    photos: Sequence[Photo], root: Path, path: Path, progress: Progress, is_asked: bool
) -> list[Photo]:
    """Return photos with the labels that a table of corrections gives them.

    A photo whose label is empty there is left out, with a `problem`.

    Args:
        photos: As listed.
        root: The folder that their paths, and those in the table, are relative to.
        path: The table, with the columns path and label.
        progress: Receives what was changed.
        is_asked: Whether it is an error that none of the photos is in it.

    Raises:
        SourceError: The table cannot be read.
        DataError: It is damaged, or has two labels for a photo, or none of the photos.
    """
    labels = _read(path)
    found = PhotoFinder(str(root), str(root), str(root)).find(dict.fromkeys(labels, ""))
    places = {photo.path: place for place, photo in enumerate(photos)}
    changed, missing, num_changed = list(photos), [], 0
    for written, label in labels.items():
        place = places.get(found[written].path)
        if place is None:
            where = found[written].problem.removeprefix(NOT_FOUND).lstrip("; ")
            missing.append(f"{written}, {where}" if where else written)
            continue
        photo = photos[place]
        if label == photo.label:
            continue
        num_changed += 1
        problem = photo.problem or ("" if label else _UNANSWERED)
        changed[place] = replace(photo, label=label or photo.label, problem=problem)
    if is_asked and labels and len(missing) == len(labels):
        raise DataError(
            f"None of the {len(labels):,} photos that {path} names is in {root}, such as "
            f"{missing[0]}.\nIts paths are relative to that folder, and name one file each."
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
                f"Line {number} of {path} gives {written} the label '{label}', an earlier one "
                f"'{labels[written]}'.\nLeave one of them."
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
    num_left_out = sum(one.problem == _UNANSWERED for one in after)
    if num_left_out:
        progress.note(f"Left out: {counted(num_left_out, 'photo')} without a label there.")
    unclear = [written for written in missing if ", it could be " in written]
    missing = [written for written in missing if written not in unclear]
    for written in unclear:
        progress.note(f"Not corrected: {written}. Write the folder of the photo there.")
    if missing:
        gone = counted(len(missing), "photo of it is", "photos of it are")
        progress.note(f"{gone} not there: {listed(missing, 3)}.")
    known, now = ({photo.label for photo in photos if photo.label} for photos in (before, after))
    if now - known:
        progress.note(f"New classes by the corrections: {listed(sorted(now - known))}.")
