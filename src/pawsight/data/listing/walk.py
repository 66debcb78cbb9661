"""List the photos in a folder and its subfolders, fast and without opening them.

There is one `os.scandir` for each folder and one `stat` for each photo, so a million
files are listed in seconds. Names may have any bytes. A link to a folder is followed,
but no folder is listed twice in a walk, so a loop of links ends.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pawsight.data.file_types import SNIFF_BYTES, Kind, foreign_reason, kind_of, sniff
from pawsight.data.listing.left_out import LeftOut
from pawsight.gc_pause import pause_gc
from pawsight.progress import SILENT, Progress
from pawsight.records import Part, Photo


@dataclass(slots=True)
class FolderListing:
    """The content of a folder, or of a folder and its subfolders."""

    # Photos; pictures that cannot be read have a `problem`.
    photos: list[Photo] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)  # names of subfolders, sorted, links last
    num_ignored: int = 0  # the number of other files, and of folders that are left out


def list_folder(
    root: str,
    prefix: str = "",
    label: str = "",
    part: Part | Literal[""] = "",
    *,
    left_out: LeftOut,
) -> FolderListing:
    """List a folder without its subfolders.

    Args:
        root: The folder that the paths of photos are relative to.
        prefix: The folder to list, relative to `root`: "" or ending in "/".
        label: The label of every photo.
        part: The part of every photo.
        left_out: Decides what is left out.

    Raises:
        OSError: The folder cannot be listed.
    """
    listing = FolderListing()
    links: list[str] = []
    others: set[str] = set()
    with os.scandir(root + "/" + prefix) as entries:
        for entry in entries:
            name = entry.name
            if is_folder(entry):
                if left_out.takes_folder(prefix + name):
                    (links if entry.is_symlink() else listing.folders).append(name)
                else:
                    listing.num_ignored += 1
                continue
            kind = kind_of(name)
            if kind is Kind.OTHER:
                listing.num_ignored += 1
                others.add(name)
                continue
            if left_out.excludes(prefix + name):
                listing.num_ignored += 1
                continue
            photo = _examine(entry, kind, prefix + name, label, part)
            if photo is None:
                listing.num_ignored += 1
            else:
                listing.photos.append(photo)
    if not left_out.takes_content(root, prefix.rstrip("/"), others):
        return FolderListing(num_ignored=1)
    listing.folders = sorted(listing.folders) + sorted(links)
    return listing


def walk(
    root: str,
    prefix: str = "",
    label: str = "",
    part: Part | Literal[""] = "",
    progress: Progress = SILENT,
    left_out: LeftOut | None = None,
) -> FolderListing:
    """List a folder and its subfolders; a folder that cannot be listed is a row with a problem.

    The arguments are those of `list_folder`. `folders` of the result is empty.
    """
    with pause_gc():
        return _walk(root, prefix, label, part, progress, left_out or LeftOut())


def walk_in_order(root: str, left_out: LeftOut) -> Iterator[Photo]:
    """Yield the photos that `walk` lists, in the order of their paths.

    One folder is in memory at a time; a folder that contains links to folders is listed with its
    subfolders.
    """
    yield from _in_order(root, "", left_out, _folders_above(root + "/"))


def _in_order(
    root: str, here: str, left_out: LeftOut, entered: set[tuple[int, int]]
) -> Iterator[Photo]:
    entries: list[tuple[str, Photo | None]]
    with pause_gc():
        if _has_links_to_folders(os.path.join(root, here)):  # noqa: PTH118
            below = _walk(root, here, "", "", SILENT, left_out, entered).photos
            entries = [(photo.path, photo) for photo in below]
        else:
            listing = _enter(root, here, "", "", left_out, entered)
            entries = [(photo.path, photo) for photo in listing.photos]
            # A folder is sorted as its photos: "a.jpg" before "a/1.jpg", since "." is before "/".
            entries += [(f"{here}{name}/", None) for name in listing.folders]
        entries.sort(key=lambda entry: entry[0])
    for path, photo in entries:
        if photo is not None:
            yield photo
        else:
            yield from _in_order(root, path, left_out, entered)


def _has_links_to_folders(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(entry.is_symlink() and is_folder(entry) for entry in entries)
    except OSError:
        return False


def _walk(
    root: str,
    prefix: str,
    label: str,
    part: Part | Literal[""],
    progress: Progress,
    left_out: LeftOut,
    entered: set[tuple[int, int]] | None = None,
) -> FolderListing:
    total = FolderListing()
    if entered is None:
        entered = _folders_above(root + "/" + prefix)
    waiting = [prefix]
    while waiting:
        here = waiting.pop()
        listing = _enter(root, here, label, part, left_out, entered)
        total.photos += listing.photos
        total.num_ignored += listing.num_ignored
        # The last folder is taken first: folders before links, both in the order of names.
        waiting += [f"{here}{name}/" for name in reversed(listing.folders)]
        progress.advance(len(listing.photos))
    return total


def _enter(
    root: str,
    here: str,
    label: str,
    part: Part | Literal[""],
    left_out: LeftOut,
    entered: set[tuple[int, int]],
) -> FolderListing:
    """List a folder unless it was listed before; a folder that cannot be listed is a row."""
    try:
        at = Path(root, here).stat()
        if (at.st_dev, at.st_ino) in entered:
            return FolderListing()
        entered.add((at.st_dev, at.st_ino))
        return list_folder(root, here, label, part, left_out=left_out)
    except OSError as error:
        problem = f"this folder cannot be read: {error.strerror or error}"
        row = Photo(here.rstrip("/") or ".", label, part, problem=problem)
        return FolderListing(photos=[row])


def examine(path: Path, shown: str, label: str = "", part: Part | Literal[""] = "") -> Photo:
    """Return the row of a file that a user named; a file of any other kind has a `problem`.

    Args:
        path: The file.
        shown: The `path` of the row.
        label: The label of the row.
        part: The part of the row.
    """
    kind = kind_of(path.name)
    try:
        facts = path.stat()
    except OSError as error:
        return Photo(shown, label, part, problem=_reason(error))
    if stat.S_ISDIR(facts.st_mode):
        return Photo(shown, label, part, problem="it is a folder, not a photo")
    photo = _row(str(path), facts, kind, shown, label, part)
    if photo is None or kind is Kind.OTHER:
        return Photo(
            shown, label, part, facts.st_size, facts.st_mtime_ns, "the file is not a photo"
        )
    return photo


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder, or a link that leads to one."""
    try:
        return entry.is_dir()
    except OSError:  # a link that leads in a circle
        return False


def _examine(
    entry: os.DirEntry[str], kind: Kind, shown: str, label: str, part: Part | Literal[""]
) -> Photo | None:
    try:
        facts = entry.stat()
    except OSError as error:
        return None if kind is Kind.UNKNOWN else Photo(shown, label, part, problem=_reason(error))
    return _row(entry.path, facts, kind, shown, label, part)


def _row(
    path: str,
    facts: os.stat_result,
    kind: Kind,
    shown: str,
    label: str,
    part: Part | Literal[""],
) -> Photo | None:
    problem = ""
    if not stat.S_ISREG(facts.st_mode):
        # Opening a pipe would block until another process writes into it.
        if kind is Kind.UNKNOWN:
            return None
        problem = "it is a pipe, socket or device, not a file"
    elif kind is Kind.UNKNOWN:
        kind, problem = sniff_file(path)
        if kind is Kind.OTHER:
            return None
    elif kind is Kind.FOREIGN:
        problem = foreign_reason(path)
    return Photo(shown, label, part, facts.st_size, facts.st_mtime_ns, problem)


def sniff_file(path: str) -> tuple[Kind, str]:
    """Return the kind of a file by its first bytes, and the reason if it is not read."""
    try:
        with open(path, "rb", buffering=0) as file:
            return sniff(file.read(SNIFF_BYTES))
    except OSError as error:
        return Kind.FOREIGN, _reason(error)


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "file not found"
    if isinstance(error, PermissionError):
        return "no permission to read the file"
    return f"the file cannot be reached: {error.strerror or error}"


def _folders_above(folder: str) -> set[tuple[int, int]]:
    """Return device and inode of the folders above a folder, to which a link may lead back."""
    above = set()
    for parent in Path(os.path.realpath(folder)).parents:
        with contextlib.suppress(OSError):
            at = parent.stat()
            above.add((at.st_dev, at.st_ino))
    return above
