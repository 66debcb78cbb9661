"""Find every photo of a source and say which class and part it belongs to.

Knows three layouts: a folder per class; train/ and validation/ (and test/),
each with a folder per class; a table. Folders without classes are listed as
well, with the label "", since photos without labels can be audited and
predicted. No photo is opened. Whatever is found is a row or is counted.
"""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pawsight.data.catalog import Catalog
from pawsight.data.listing.table_rows import FOLDER, class_name, in_folder_group, scan_table
from pawsight.data.listing.walk import SILENT, Found, look, walk
from pawsight.data.sources.source import Source
from pawsight.data.sources.table import PART_NAMES, has_columns
from pawsight.errors import DataError, SourceError
from pawsight.progress import Progress
from pawsight.records import PARTS, Part, Photo

_LOOSE = "it lies outside the class folders, so its class is unknown"
_DEEPEST = 4  # enclosing folders that are looked through


def scan(source: Source, progress: Progress = SILENT, group_by: str | None = None) -> Catalog:
    """List the photos of a source.

    Args:
        source: Where they are.
        progress: Is told of each folder.
        group_by: What becomes the `group` of a photo: "folder" is the folder it
            lies in below its class folder ("" if directly in it); any other
            word is a column of the table. None takes a table's column "group".

    Returns:
        The photos sorted by path, none of them opened; those that cannot be used
        have a `problem`.

    Raises:
        SourceError: The folder cannot be read, or no photo is in it.
        DataError: Two folders stand for the same part, the table makes no
            sense, or there is no such column.
    """
    progress.start("Looking for photos", None, "photos")
    if source.table is not None:
        photos = scan_table(str(source.root), source.table, progress, group_by, allow_outside=True)
        return Catalog(source.name, source.root, photos, 0)
    root, top = _look_through(source.root, progress)
    if len(top.folders) < 2:
        tables = [root / name for name in top.tables if has_columns(root / name)]
        if len(tables) == 1:
            progress.note(f"Taking the labels from {tables[0]}.")
            photos = scan_table(str(root), tables[0], progress, group_by, allow_outside=False)
            return Catalog(source.name, root, photos, 0)
    if group_by not in (None, FOLDER):
        raise DataError(
            f"The photos in {source.root} cannot be grouped by '{group_by}': there is no table.\n"
            f"Give a .csv with the columns path, label and {group_by}; or group by folder."
        )
    is_grouped = group_by == FOLDER
    parts = _part_folders(root, top)
    if parts:
        found = _scan_parts(root, top, parts, progress, is_grouped)
    elif len(top.folders) > 1 or (top.folders and not top.photos):
        found = _scan_classes(root, top, "", "", progress, is_grouped)
    else:
        found = walk(str(root), progress=progress)
    if not found.photos:
        others = f", only {found.num_ignored} other file(s)" if found.num_ignored else ""
        raise SourceError(
            f"There are no photos in {source.root}{others}.\n"
            f"Photos are files such as .jpg, .png, .webp, .heic, .tif, .bmp or .gif."
        )
    found.photos.sort(key=lambda photo: photo.path)
    return Catalog(source.name, root, tuple(found.photos), found.num_ignored)


def _look_through(root: Path, progress: Progress) -> tuple[Path, Found]:
    """Go into the folder that encloses everything, if there is one with classes or parts inside."""
    top = _look(root)
    inner, found = root, top
    for _ in range(_DEEPEST):
        if len(found.folders) != 1 or found.photos:
            break
        inner = inner / found.folders[0]
        try:
            found = look(str(inner))
        except OSError:  # stays a row of the listing: a folder that cannot be read
            break
        if len(found.folders) > 1 or any(has_columns(inner / name) for name in found.tables):
            progress.note(f"Everything lies in {inner}; reading the classes there.")
            return inner, found
    return root, top


def _look(root: Path, prefix: str = "", part: Part | Literal[""] = "") -> Found:
    try:
        return look(str(root), prefix, part=part)
    except OSError as error:
        raise SourceError(
            f"The folder {root / prefix} cannot be read: {error.strerror or error}."
        ) from error


def _part_folders(root: Path, top: Found) -> dict[str, Part]:
    """Tell which folders are parts; none are, unless train stands beside another one.

    Raises:
        DataError: Two folders stand for the same part.
    """
    named = {name: PART_NAMES[name.lower()] for name in top.folders if name.lower() in PART_NAMES}
    if "train" not in named.values() or len(set(named.values())) < 2:
        return {}
    with_classes = {name: part for name, part in named.items() if _holds_folders(root / name)}
    for part in PARTS:
        same = [name for name, its_part in with_classes.items() if its_part == part]
        if len(same) > 1:
            raise DataError(
                f"The folders {' and '.join(same)} in {root} all stand for the {part} part.\n"
                f"Rename or move all but one."
            )
    return named if "train" in with_classes.values() else {}


def _holds_folders(folder: Path) -> bool:
    try:
        return bool(look(str(folder)).folders)
    except OSError:
        return False


def _scan_parts(
    root: Path, top: Found, parts: dict[str, Part], progress: Progress, is_grouped: bool
) -> Found:
    total = Found(_with_problem(top.photos, _LOOSE), num_ignored=top.num_ignored)
    for name, part in parts.items():
        inner = _look(root, f"{name}/", part)
        if not inner.folders:
            count = len(inner.photos)
            progress.note(f"Left out {name}/: it has no class folders (and {count} loose photos).")
            total.num_ignored += count + inner.num_ignored
            continue
        _add(total, _scan_classes(root, inner, f"{name}/", part, progress, is_grouped))
    for name in (name for name in top.folders if name not in parts):
        beside = walk(str(root), f"{name}/", progress=progress)
        progress.note(
            f"Left out {name}/: it lies beside the folders {', '.join(parts)} "
            f"and is none of them ({len(beside.photos)} photos)."
        )
        total.num_ignored += len(beside.photos) + beside.num_ignored
    return total


def _scan_classes(
    root: Path,
    top: Found,
    prefix: str,
    part: Part | Literal[""],
    progress: Progress,
    is_grouped: bool,
) -> Found:
    """List class folders; `top` is what lies directly in the folder that holds them."""
    total = Found(_with_problem(top.photos, _LOOSE), num_ignored=top.num_ignored)
    if top.photos:
        progress.note(
            f"{len(top.photos)} photo(s) in {root / prefix} lie outside its class folders, "
            f"such as {top.photos[0].path}; they are left out."
        )
    without = []
    for name in top.folders:
        found = walk(str(root), f"{prefix}{name}/", class_name(name), part, progress)
        if not found.photos:
            without.append(prefix + name)
        if is_grouped:
            found.photos = [in_folder_group(photo, f"{prefix}{name}/") for photo in found.photos]
        _add(total, found)
    if without:
        first = ", ".join(without[:5]) + (" ..." if len(without) > 5 else "")
        progress.note(f"{len(without)} folder(s) hold no photos and are no classes: {first}")
    return total


def _with_problem(photos: list[Photo], problem: str) -> list[Photo]:
    return [photo if photo.problem else replace(photo, problem=problem) for photo in photos]


def _add(total: Found, more: Found) -> None:
    total.photos += more.photos
    total.num_ignored += more.num_ignored


_EXPECTED = """Expected is a folder for each class:
  photos/
    cats/  cat1.jpg  cat2.jpg ...
    dogs/  dog1.jpg  dog2.jpg ...
or the same inside train/ and validation/ (and test/), or a .csv with the columns path and label."""


def check_classes(catalog: Catalog) -> None:
    """Check that a classifier can be trained on these photos.

    Args:
        catalog: The photos, as listed or as read: reading finds more with a `problem`.

    Raises:
        DataError: There are fewer than two classes, or a class is missing from
            the train part although another part has it.
    """
    photos, root = catalog.photos, catalog.root
    counts = Counter(photo.label for photo in photos if photo.label and not photo.problem)
    for name in sorted({photo.label for photo in photos if photo.label} - set(counts)):
        broken = [photo for photo in photos if photo.label == name]
        raise DataError(
            f"None of the {len(broken)} photo(s) of class '{name}' can be read.\n"
            f"Folder: {root}\nThe first: {broken[0].path}: {broken[0].problem}\n"
            f"Repair them, or take the class away."
        )
    if len(counts) < 2:
        found = f"only one class, '{next(iter(counts))}'" if counts else "photos but no classes"
        raise DataError(f"There are {found} in {root}; two or more are needed.\n{_EXPECTED}")
    train = {photo.label for photo in photos if photo.part == "train" and not photo.problem}
    for part in PARTS[1:] if train else ():
        here = {photo.label for photo in photos if photo.part == part and not photo.problem}
        for name in sorted(here - train - {""}):
            near = difflib.get_close_matches(name.lower(), {known.lower() for known in train}, n=1)
            hint = f" Is it '{_spelled(near[0], train)}' there?" if near else ""
            raise DataError(
                f"The {part} part has a class '{name}' that the train part lacks.{hint}\n"
                f"Folder: {root}\n"
                f"The classes of the train part: {', '.join(sorted(train))}."
            )


def _spelled(lower: str, names: set[str]) -> str:
    return next(name for name in sorted(names) if name.lower() == lower)
