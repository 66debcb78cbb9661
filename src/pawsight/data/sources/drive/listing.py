"""List the photos in a folder of Google Drive and its subfolders; shortcuts are followed.

The folders of one level are listed in parallel. No folder is listed twice, so a
loop of shortcuts ends.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from pawsight.data.file_types import ARCHIVE_ENDINGS, is_system_folder, is_wanted
from pawsight.data.sources.drive.client import DOCUMENT_PREFIX, FOLDER, SHORTCUT, Drive, Item
from pawsight.data.sources.drive.resolving import follow
from pawsight.data.sources.mirror import RemoteFile, safe_path, unique_paths
from pawsight.errors import SourceError
from pawsight.progress import Progress
from pawsight.storage.download import DownloadError, RetriesExhaustedError
from pawsight.storage.threads import map_in_threads

_NUM_THREADS = 8  # folders listed in parallel


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to list."""

    file_id: str
    names: tuple[str, ...]  # its path below the listed folder
    drive_id: str  # the shared drive that it is in, or ""


@dataclass(frozen=True, slots=True, eq=False)
class _Shortcut:
    """A shortcut to follow."""

    item: Item
    names: tuple[str, ...]  # its path below the listed folder


Entry = TypeVar("Entry", _Folder, _Shortcut)
Result = TypeVar("Result")


@dataclass(slots=True)
class DriveListing:
    """The content of a folder and its subfolders; names are paths below the folder."""

    files: list[RemoteFile] = field(default_factory=list)  # photos and tables to copy
    archives: list[str] = field(default_factory=list)  # names of archives, which are left out
    documents: list[str] = field(default_factory=list)  # names of Google documents
    # Names of folders and shortcuts that cannot be read, each with the reason.
    unreadable: list[str] = field(default_factory=list)


def list_folder(drive: Drive, folder: Item, progress: Progress) -> DriveListing:
    """List the content of a folder and its subfolders.

    Raises:
        SourceError: Drive does not answer, or does not finish listing.
    """
    progress.start(f"Listing {folder['name']} in Google Drive", None, "files")
    return _Listing(drive, progress).run(folder)


def remote_file(drive: Drive, item: Item, path: str) -> RemoteFile:
    """Return the `RemoteFile` of a file in Drive; `path` is the path of the copy."""
    size = item.get("size")
    checksum = item.get("md5Checksum", "")
    return RemoteFile(
        path,
        None if size is None else int(size),
        checksum or f"{item.get('modifiedTime')} {size}",
        lambda start: drive.open_file(item["id"], start),
        checksum,
        lambda: remote_file(drive, drive.get(item["id"]), path),
    )


class _Listing:
    """One call of `list_folder`."""

    def __init__(self, drive: Drive, progress: Progress) -> None:
        self._drive = drive
        self._progress = progress
        self._files: list[tuple[str, str, Item]] = []  # path, id, facts
        self._listing = DriveListing()
        self._entered: set[str] = set()

    def run(self, folder: Item) -> DriveListing:
        self._entered.add(folder["id"])
        level = [_Folder(folder["id"], (), folder.get("driveId", ""))]
        while level:
            contents = self._map(self._list_folder, level)
            level = self._next_level([(f, contents[f]) for f in level if f in contents])
        self._files.sort(key=lambda entry: entry[:2])  # `unique_paths` then numbers alike each time
        paths = unique_paths(path for path, _, _ in self._files)
        self._listing.files = [
            remote_file(self._drive, item, path)
            for path, (_, _, item) in zip(paths, self._files, strict=True)
        ]
        return self._listing

    def _list_folder(self, folder: _Folder) -> list[Item]:
        condition = f"'{folder.file_id}' in parents"
        return list(self._drive.list_items(condition, folder.drive_id, folder.file_id))

    def _map(self, request: Callable[[Entry], Result], entries: list[Entry]) -> dict[Entry, Result]:
        """Return the result of a request for each entry; unreadable entries are left out."""
        results: dict[Entry, Result] = {}

        def work(entry: Entry) -> None:
            results[entry] = request(entry)

        outcomes = map_in_threads(
            work, entries, min(_NUM_THREADS, len(entries)), threading.Event(), lambda: None
        )
        with contextlib.closing(outcomes):
            for entry, error in outcomes:
                is_fatal = isinstance(error, RetriesExhaustedError) or not entry.names
                if isinstance(error, DownloadError) and not is_fatal:
                    self._listing.unreadable.append(f"{'/'.join(entry.names)}: {error}")
                elif isinstance(error, DownloadError):
                    raise SourceError(
                        f"The folder cannot be listed in Google Drive: {error}.\n"
                        f"Run the command again; what was copied is kept."
                    ) from error
                elif error is not None:
                    raise error
        return results

    def _next_level(self, level: list[tuple[_Folder, list[Item]]]) -> list[_Folder]:
        """Record the files of a level; return the folders in it. Shortcuts are followed last."""
        folders: list[_Folder] = []
        shortcuts: list[_Shortcut] = []
        for folder, items in level:
            for item in sorted(items, key=lambda item: (item["name"], item["id"])):
                names = (*folder.names, item["name"])
                if item["mimeType"] == SHORTCUT:
                    shortcuts.append(_Shortcut(item, names))
                else:
                    self._add(item, names, folder.drive_id, folders)
            self._progress.advance(sum(item["mimeType"] != FOLDER for item in items))
        wanted = [shortcut for shortcut in shortcuts if self._may_be_wanted(shortcut)]
        targets = self._map(lambda shortcut: follow(self._drive, shortcut.item), wanted)
        for shortcut in wanted:
            if shortcut in targets:
                target = targets[shortcut]
                self._add(target, shortcut.names, target.get("driveId", ""), folders)
        return folders

    def _add(
        self, item: Item, names: tuple[str, ...], drive_id: str, folders: list[_Folder]
    ) -> None:
        mime_type = item["mimeType"]
        if mime_type == FOLDER:
            if not is_system_folder(names[-1]) and item["id"] not in self._entered:
                self._entered.add(item["id"])
                folders.append(_Folder(item["id"], names, drive_id))
        elif mime_type.startswith(DOCUMENT_PREFIX):
            self._listing.documents.append("/".join(names))
        elif names[-1].lower().endswith(ARCHIVE_ENDINGS):
            self._listing.archives.append("/".join(names))
        elif is_wanted((), names[-1]):  # system folders are not entered
            self._files.append((safe_path(names), item["id"], item))

    def _may_be_wanted(self, shortcut: _Shortcut) -> bool:
        """Return whether to follow a shortcut, by the type of its target or its own name."""
        mime_type = shortcut.item["shortcutDetails"].get("targetMimeType", "")
        if mime_type == FOLDER or mime_type.startswith("image/"):
            return True
        if mime_type.startswith(DOCUMENT_PREFIX):
            self._listing.documents.append("/".join(shortcut.names))
            return False
        return is_wanted((), shortcut.names[-1])
