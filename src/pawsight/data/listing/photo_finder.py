"""Find the photos that a table names, also where it spells their paths in another way."""

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

# os.path, not pathlib: a table may have a million lines, and names of any bytes.
# ruff: noqa: PTH118

NOT_FOUND = "file not found"
_UPLOADED = re.compile(r"[0-9a-f]{8}-")  # what Label Studio writes before the name of an upload


class Match(NamedTuple):
    """The file of a written path."""

    path: str  # relative to the source; as it was written where no file was found
    problem: str = ""  # why none was found, or ""
    is_exact: bool = False  # whether it is exactly there


class PhotoFinder:
    """Finds files below a folder by paths that were written elsewhere.

    A path is taken as it is where such a file exists. Otherwise the file is taken whose path has
    the longest tail in common with it, if there is exactly one: capital letters, the form of
    accents, slashes and the ending of the name do not matter, a name without an ending matches,
    and so does a number without the zeros before it. A file in a folder of another name is only
    taken where no folder has the written one. Of several files, the one in a folder named as the
    photo's part is taken.

    Args:
        root: The source.
        folder: The folder that the table's paths are relative to.
        searched: The folder in which files are searched, with all below it.
    """

    def __init__(self, root: str, folder: str, searched: str) -> None:
        self._root = root
        self._searched = searched
        self._folder = folder
        self._by_stem: defaultdict[str, list[str]] | None = None
        self._numbered: defaultdict[str, list[str]] = defaultdict(list)
        self._folders: set[str] = set()

    def find(self, parts: Mapping[str, str]) -> dict[str, Match]:
        """Find the file of each path; no two paths share a file.

        Args:
            parts: The part of each path, "" if unknown.
        """
        exact = {path: self._exact(path) for path in parts}
        taken = {path for path in exact.values() if path}
        found = {}
        for written, path in exact.items():
            if path:
                found[written] = Match(path, is_exact=True)
                continue
            near, problem = self._near(written, parts[written], taken)
            if near:
                taken.add(near)
            found[written] = Match(near or self._shown(written.replace("\\", "/")), problem)
        return found

    def _exact(self, written: str) -> str:
        """Return the path relative to the source of a file that is exactly there; else ""."""
        for path in dict.fromkeys((written, written.replace("\\", "/"))):
            if os.path.lexists(os.path.join(self._folder, path)):
                return self._shown(path)
        return ""

    def _shown(self, path: str) -> str:
        """Return a table's path as a row's: relative to the source where it is inside."""
        full = os.path.join(self._folder, path)
        relative = os.path.relpath(full, self._root).replace(os.sep, "/")
        outside = os.path.isabs(path) and relative.startswith("../")  # noqa: PTH117
        return path if outside else relative

    def _near(self, written: str, part: str, taken: set[str]) -> tuple[str, str]:
        """Find a file by the tail of a path.

        Args:
            written: The path in the table.
            part: Its part, "" if unknown.
            taken: Files that other lines name, relative to the source.

        Returns:
            Its path relative to the source and "", or "" and what is wrong.
        """
        parts = _parts(written)
        found: list[str] = []
        if parts:
            for name in (parts[-1], _UPLOADED.sub("", parts[-1], count=1)):
                found = found or self._index().get(_stem(name), [])
            if not found and parts[-1].isdecimal():  # a spreadsheet took the zeros of 007 away
                found = self._numbered.get(parts[-1], [])
        if len(parts) > 1 and parts[-2] in self._folders:
            found = [path for path in found if _tail(path, parts) > 0]
        longest = max((_tail(path, parts) for path in found), default=0)
        found = [path for path in found if _tail(path, parts) == longest]
        if len(found) > 1:
            same_name = [path for path in found if _parts(path)[-1] == parts[-1]]
            found = same_name if len(same_name) == 1 else found
        if len(found) > 1 and part:
            in_part = [
                path
                for path in found
                if any(part_of(name) == part for name in path.split("/")[:-1])
            ]
            found = in_part if len(in_part) == 1 else found
        if len(found) > 1:
            return "", f"{NOT_FOUND}; it could be {listed(found, 2)}"
        return (found[0], "") if found and found[0] not in taken else ("", NOT_FOUND)

    def _index(self) -> dict[str, list[str]]:
        if self._by_stem is None:
            self._by_stem = defaultdict(list)
            for photo in walk(self._searched).photos:
                *folders, name = _parts(photo.path)
                full = os.path.join(self._searched, photo.path)
                path = os.path.relpath(full, self._root).replace(os.sep, "/")
                stem = _stem(name)
                self._by_stem[stem].append(path)
                if stem.isdecimal() and stem.startswith("0"):
                    self._numbered[stem.lstrip("0") or "0"].append(path)
                self._folders.update(folders)
        return self._by_stem


def _parts(path: str) -> list[str]:
    """Divide a path of any system, or an address, into names that can be compared."""
    _, is_local, path = path.rpartition("?d=")  # Label Studio's local files
    if is_local or "://" in path:
        path = unquote(path.partition("?")[0])
    text = unicodedata.normalize("NFC", path).casefold()
    return [name for name in re.split(r"[\\/]+", text) if name not in ("", ".", "..")]


def _stem(name: str) -> str:
    stem, dot, _ = name.rpartition(".")
    is_ending = bool(dot) and kind_of(f"x.{name.rpartition('.')[2]}") in (Kind.PHOTO, Kind.FOREIGN)
    return stem if is_ending else name


def _tail(path: str, parts: list[str]) -> int:
    """Count the folders above the name that two paths have in common."""
    count = 0
    for first, second in zip(reversed(_parts(path)[:-1]), reversed(parts[:-1]), strict=False):
        if first != second:
            break
        count += 1
    return count
