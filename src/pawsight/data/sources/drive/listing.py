"""List the photos below a folder of Google Drive, with the folders inside it and shortcuts.

The folders of one level are listed in parallel. No folder is entered twice,
so a shortcut that leads back up ends.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from pawsight.data.file_types import ARCHIVE_ENDINGS, is_system_folder, is_wanted
from pawsight.data.sources.drive.client import FOLDER, GOOGLES_OWN, SHORTCUT, Drive, Item
from pawsight.data.sources.drive.resolving import follow
from pawsight.data.sources.mirror import RemoteFile, safe_path, unique_paths
from pawsight.errors import SourceError
from pawsight.progress import Progress
from pawsight.storage.download import DownloadError, RetriesExhaustedError
from pawsight.storage.threads import map_in_threads

_AT_A_TIME = 8  # folders listed in parallel


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to list: its id, its place below the first, the shared drive it is in."""

    file_id: str
    names: tuple[str, ...]
    drive_id: str


@dataclass(frozen=True, slots=True, eq=False)
class _Shortcut:
    """A shortcut, and its place."""

    item: Item
    names: tuple[str, ...]


Place = TypeVar("Place", _Folder, _Shortcut)
Answer = TypeVar("Answer")


@dataclass(slots=True)
class DriveListing:
    """What is below a folder."""

    files: list[RemoteFile] = field(default_factory=list)  # photos and tables to copy
    archives: list[str] = field(default_factory=list)  # names of archives, which are not opened
    # Names of documents that Google keeps without bytes.
    googles_own: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)  # what could not be listed, and why


def list_folder(drive: Drive, folder: Item, progress: Progress) -> DriveListing:
    """List all that is below a folder.

    Raises:
        SourceError: Drive does not answer, or not to the end.
    """
    progress.start(f"Listing {folder['name']} in Google Drive", None, "files")
    return _Listing(drive, progress).run(folder)


def remote_file(drive: Drive, item: Item, path: str) -> RemoteFile:
    """Return a file of Drive as one that can be copied."""
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
        self._found: list[tuple[str, str, Item]] = []  # path, id, the file itself
        self._listed = DriveListing()
        self._entered: set[str] = set()

    def run(self, folder: Item) -> DriveListing:
        self._entered.add(folder["id"])
        level = [_Folder(folder["id"], (), folder.get("driveId", ""))]
        while level:
            inside = self._at_once(self._list_folder, level)
            level = self._below([(one, inside[one]) for one in level if one in inside])
        self._found.sort(key=lambda entry: entry[:2])  # so that numbers in names stay the same
        paths = unique_paths(path for path, _, _ in self._found)
        self._listed.files = [
            remote_file(self._drive, item, path)
            for path, (_, _, item) in zip(paths, self._found, strict=True)
        ]
        return self._listed

    def _list_folder(self, folder: _Folder) -> list[Item]:
        condition = f"'{folder.file_id}' in parents"
        return list(self._drive.list_items(condition, folder.drive_id, folder.file_id))

    def _at_once(
        self, request: Callable[[Place], Answer], places: list[Place]
    ) -> dict[Place, Answer]:
        """Run a request for many places at a time, and note those that are refused."""
        answers: dict[Place, Answer] = {}

        def work(place: Place) -> None:
            answers[place] = request(place)

        outcomes = map_in_threads(
            work, places, min(_AT_A_TIME, len(places)), threading.Event(), lambda: None
        )
        with contextlib.closing(outcomes):
            for place, error in outcomes:
                is_gone = isinstance(error, RetriesExhaustedError) or not place.names
                if isinstance(error, DownloadError) and not is_gone:
                    self._listed.lost.append(f"{'/'.join(place.names)}: {error}")
                elif isinstance(error, DownloadError):
                    raise SourceError(
                        f"The folder cannot be listed in Google Drive: {error}.\n"
                        f"Run the command again; what was copied is kept."
                    ) from error
                elif error is not None:
                    raise error
        return answers

    def _below(self, level: list[tuple[_Folder, list[Item]]]) -> list[_Folder]:
        """Sort what a level holds into files and folders of the next; shortcuts come last."""
        folders: list[_Folder] = []
        shortcuts: list[_Shortcut] = []
        for folder, items in level:
            for item in sorted(items, key=lambda one: (one["name"], one["id"])):
                names = (*folder.names, item["name"])
                if item["mimeType"] == SHORTCUT:
                    shortcuts.append(_Shortcut(item, names))
                else:
                    self._take(item, names, folder.drive_id, folders)
            self._progress.advance(sum(item["mimeType"] != FOLDER for item in items))
        wanted = [shortcut for shortcut in shortcuts if self._may_be_wanted(shortcut)]
        targets = self._at_once(lambda one: follow(self._drive, one.item), wanted)
        for one in wanted:
            if one in targets:
                target = targets[one]
                self._take(target, one.names, target.get("driveId", ""), folders)
        return folders

    def _take(
        self, item: Item, names: tuple[str, ...], drive_id: str, folders: list[_Folder]
    ) -> None:
        kind = item["mimeType"]
        if kind == FOLDER:
            if not is_system_folder(names[-1]) and item["id"] not in self._entered:
                self._entered.add(item["id"])
                folders.append(_Folder(item["id"], names, drive_id))
        elif kind.startswith(GOOGLES_OWN):
            self._listed.googles_own.append("/".join(names))
        elif names[-1].lower().endswith(ARCHIVE_ENDINGS):
            self._listed.archives.append("/".join(names))
        elif is_wanted((), names[-1]):  # system folders are not entered
            self._found.append((safe_path(names), item["id"], item))

    def _may_be_wanted(self, shortcut: _Shortcut) -> bool:
        """Return whether to resolve a shortcut: the name of one to a photo is that photo's."""
        kind = shortcut.item["shortcutDetails"].get("targetMimeType", "")
        if kind == FOLDER or kind.startswith("image/"):
            return True
        if kind.startswith(GOOGLES_OWN):
            self._listed.googles_own.append("/".join(shortcut.names))
            return False
        return is_wanted((), shortcut.names[-1])
