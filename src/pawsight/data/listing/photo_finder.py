"""Find the photos that a table names, even if their paths are written in another form."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from pawsight.data.file_types import Kind, kind_of
from pawsight.data.listing.walk import walk
from pawsight.data.part_names import part_of
from pawsight.formatting import listed

# os.path is faster than pathlib, and a table may have a million lines.
# ruff: noqa: PTH118

NOT_FOUND = "file not found"
_UPLOAD_PREFIX = re.compile(r"[0-9a-f]{8}-")  # of the names of files uploaded to Label Studio


class Match(NamedTuple):
    """The file that was found for a path in a table."""

    path: str  # relative to the source; the written path if no file was found
    problem: str = ""  # why no file was found, or ""
    is_exact: bool = False  # whether the file has exactly the written path


class PhotoFinder:
    """Finds files in a folder by paths that may be written in another form.

    If a file has exactly the written path, it is used. Otherwise the file is used that has the
    same name and the most enclosing folders in common with the path, if it is the only one. Upper
    and lower case, the form of accents, the kind of slashes, the ending of the name, and leading
    zeros of a number are ignored. If the searched folder has a folder of the written name, only
    files in such a folder count. Of several files, the file in a folder named as the part of the
    photo is used.

    Args:
        root: The source.
        folder: The folder that the paths in the table are relative to.
        searched: The folder in which, and in whose subfolders, files are searched.
    """

    def __init__(self, root: str, folder: str, searched: str) -> None:
        self._root = root
        self._searched = searched
        self._folder = folder
        self._by_stem: defaultdict[str, list[str]] | None = None
        self._numbered: defaultdict[str, list[str]] = defaultdict(list)
        self._folders: set[str] = set()

    def find(self, parts: Mapping[str, str]) -> dict[str, Match]:
        """Find the file of each path; no two paths get the same file.

        Args:
            parts: The part of each photo by its written path, "" if unknown.

        Returns:
            The match of each path.
        """
        exact = {path: self._exact(path) for path in parts}
        used = {path for path in exact.values() if path}
        matches = {}
        for written, path in exact.items():
            if path:
                matches[written] = Match(path, is_exact=True)
                continue
            similar, problem = self._similar(written, parts[written], used)
            if similar:
                used.add(similar)
            matches[written] = Match(similar or self._shown(written.replace("\\", "/")), problem)
        return matches

    def _exact(self, written: str) -> str:
        """Return the path, relative to the source, of the file with a written path; else ""."""
        for path in dict.fromkeys((written, written.replace("\\", "/"))):
            if os.path.lexists(os.path.join(self._folder, path)):
                return self._shown(path)
        return ""

    def _shown(self, path: str) -> str:
        """Return a path of a table relative to the source; absolute paths outside stay absolute."""
        full = os.path.join(self._folder, path)
        relative = os.path.relpath(full, self._root).replace(os.sep, "/")
        is_outside = os.path.isabs(path) and relative.startswith("../")  # noqa: PTH117
        return path if is_outside else relative

    def _similar(self, written: str, part: str, used: set[str]) -> tuple[str, str]:
        """Find the file for a path that no file has exactly.

        Args:
            written: The path in the table.
            part: The part of the photo, "" if unknown.
            used: Files of other lines, relative to the source.

        Returns:
            The path of the file, relative to the source, and ""; or "" and the problem.
        """
        names = _names(written)
        paths: list[str] = []
        if names:
            for name in (names[-1], _UPLOAD_PREFIX.sub("", names[-1], count=1)):
                paths = paths or self._index().get(_stem(name), [])
            if not paths and names[-1].isdecimal():  # a spreadsheet removes the zeros of 007
                paths = self._numbered.get(names[-1], [])
        if len(names) > 1 and names[-2] in self._folders:
            paths = [path for path in paths if _num_common(path, names) > 0]
        most = max((_num_common(path, names) for path in paths), default=0)
        paths = [path for path in paths if _num_common(path, names) == most]
        if len(paths) > 1:
            same_name = [path for path in paths if _names(path)[-1] == names[-1]]
            paths = same_name if len(same_name) == 1 else paths
        if len(paths) > 1 and part:
            in_part = [
                path
                for path in paths
                if any(part_of(name) == part for name in path.split("/")[:-1])
            ]
            paths = in_part if len(in_part) == 1 else paths
        if len(paths) > 1:
            return "", f"{NOT_FOUND}; it could be {listed(paths, 2)}"
        return (paths[0], "") if paths and paths[0] not in used else ("", NOT_FOUND)

    def _index(self) -> dict[str, list[str]]:
        if self._by_stem is None:
            self._by_stem = defaultdict(list)
            for photo in walk(self._searched).photos:
                *folders, name = _names(photo.path)
                full = os.path.join(self._searched, photo.path)
                path = os.path.relpath(full, self._root).replace(os.sep, "/")
                stem = _stem(name)
                self._by_stem[stem].append(path)
                if stem.isdecimal() and stem.startswith("0"):
                    self._numbered[stem.lstrip("0") or "0"].append(path)
                self._folders.update(folders)
        return self._by_stem


def _names(path: str) -> list[str]:
    """Divide a path of any system, or an address, into normalized names."""
    _, is_local, path = path.rpartition("?d=")  # local files of Label Studio
    if is_local or "://" in path:
        path = unquote(path.partition("?")[0])
    text = unicodedata.normalize("NFC", path).casefold()
    return [name for name in re.split(r"[\\/]+", text) if name not in ("", ".", "..")]


def _stem(name: str) -> str:
    """Return a name without the ending of a photo."""
    stem, dot, ending = name.rpartition(".")
    is_photo = bool(dot) and kind_of(f"x.{ending}") in (Kind.PHOTO, Kind.FOREIGN)
    return stem if is_photo else name


def _num_common(path: str, names: list[str]) -> int:
    """Count the enclosing folders, from the innermost, that two paths have in common."""
    count = 0
    for first, second in zip(reversed(_names(path)[:-1]), reversed(names[:-1]), strict=False):
        if first != second:
            break
        count += 1
    return count
