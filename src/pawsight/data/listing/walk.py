"""List the photos below a folder, fast and without opening them.

One `os.scandir` per folder and one `stat` per photo, which is what lets a
million files be listed in seconds. Names of any bytes pass. A link to a folder
is followed, but no folder is entered twice in one walk, so a loop ends.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pawsight.data.file_types import (
    SNIFF_BYTES,
    Kind,
    foreign_reason,
    is_table_name,
    kind_of,
    sniff,
)
from pawsight.data.listing.left_out import LeftOut
from pawsight.gc_pause import pause_gc
from pawsight.progress import SILENT, Progress
from pawsight.records import Part, Photo


@dataclass(slots=True)
class FolderListing:
    """What is in a folder, or in a folder and all below it."""

    # Photos, and pictures that cannot be read with their `problem`.
    photos: list[Photo] = field(default_factory=list)
    # Names of the folders directly inside, sorted; links come last.
    folders: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)  # names of the tables directly inside
    num_ignored: int = 0  # files that are no pictures, and folders that are left out, each as one


def list_folder(
    root: str,
    prefix: str = "",
    label: str = "",
    part: Part | Literal[""] = "",
    *,
    left_out: LeftOut,
) -> FolderListing:
    """List one folder, without those inside it.

    Args:
        root: The folder that the paths of photos are relative to.
        prefix: The folder to list, relative to `root`: "" or ending in "/".
        label: Given to every photo.
        part: Given to every photo.
        left_out: What is left out, and where it is counted.

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
    listing.tables = sorted(filter(is_table_name, others))
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
    """List a folder and all below it; a folder that cannot be listed becomes a row with a problem.

    Takes what `list_folder` takes. `folders` and `tables` of the result stay empty.
    """
    with pause_gc():
        return _walk(root, prefix, label, part, progress, left_out or LeftOut())


def walk_in_order(root: str, left_out: LeftOut) -> Iterator[Photo]:
    """Yield what `walk` lists in the order of the paths, with one folder in memory at a time.

    Folders that hold links to folders are listed with all below them.
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
            # A folder comes where its photos do: "a.jpg" before "a/1.jpg", since "." is before "/".
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
        # The last is taken first: real folders before links, each in order of name.
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
    """List a folder that was not entered before; one that cannot be listed is a row."""
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
    """Return the row of a file that a user named, whatever it is.

    Args:
        path: The file.
        shown: The row's `path`.
        label: The row's label.
        part: The row's part.
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
    """Return what a file is by its first bytes, as `sniff` does."""
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
    """Identify the folders that a loop from inside `folder` would lead back to."""
    above = set()
    for parent in Path(os.path.realpath(folder)).parents:
        with contextlib.suppress(OSError):
            at = parent.stat()
            above.add((at.st_dev, at.st_ino))
    return above
