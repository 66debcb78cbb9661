"""Choose names for sorted photos: a folder for each class, and unused names in it."""

from __future__ import annotations

import contextlib
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pawsight.errors import DataError, PhotoError
from pawsight.sorting.file_contents import hash_file

# os.path, not pathlib: it is faster for 100,000 names, and they may have any bytes.
# ruff: noqa: PTH118, PTH122, PTH202


MAX_NAME_BYTES = 255  # of a name, on nearly every file system
_MAX_SUFFIX = 20  # characters; a longer text after a dot is no extension
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\udc80-\udcff]')  # on any file system
_DEVICES = {"con", "prn", "aux", "nul"} | {
    f"{kind}{n}" for kind in ("com", "lpt") for n in "123456789"
}


def class_folders(class_names: Iterable[str]) -> dict[str, str]:
    """Return the folder name of each class: its name, without characters that are not allowed.

    A class with the name `unsure` or `none` shares the folder of photos with that answer.

    Raises:
        DataError: Two classes would share a folder.
    """
    folders = {name: _folder_name(name) for name in class_names}
    owners: dict[str, str] = {}
    for name, folder in folders.items():
        other = owners.setdefault(folder.casefold(), name)
        if other != name:
            raise DataError(
                f"The classes '{other}' and '{name}' would share the folder '{folder}' on some "
                f"disks.\nTrain again with names that differ in other characters."
            )
    return folders


def _folder_name(name: str) -> str:
    plain = _FORBIDDEN.sub("_", name).lstrip(".").rstrip(". ") or "_"
    plain = numbered(plain, 1)
    return f"{plain}_" if plain.casefold() in _DEVICES else plain


def portable(name: str) -> str:
    """Return the name that is most similar to a name, and allowed on every file system."""
    stem, suffix = _split_suffix(_FORBIDDEN.sub("_", name))
    return _shortened(stem, suffix, MAX_NAME_BYTES // 2)


def numbered(name: str, number: int) -> str:
    """Return `IMG.jpg` for 1, `IMG (2).jpg` for 2 and so on, with at most `MAX_NAME_BYTES`."""
    stem, suffix = _split_suffix(name)
    return _shortened(stem, f" ({number}){suffix}" if number > 1 else suffix, MAX_NAME_BYTES)


def _split_suffix(name: str) -> tuple[str, str]:
    stem, suffix = os.path.splitext(name)
    return (name, "") if len(suffix) > _MAX_SUFFIX else (stem, suffix)


def _shortened(stem: str, end: str, num_bytes: int) -> str:
    while len(os.fsencode(stem + end)) > num_bytes:
        stem = stem[:-1]  # a character, which may have several bytes
    return stem + end


class _SameSize:
    """Photos with the same size and name, searched by content; each is read at most once."""

    def __init__(self) -> None:
        self._unread: list[tuple[str, str]] = []  # path of a photo, and its target
        self._targets: dict[str, str] = {}  # by the hash of the bytes

    def add(self, path: str, target: str) -> None:
        """Add a photo that is at its target, or is planned to be."""
        self._unread.append((path, target))

    def find(self, source: str) -> str | None:
        """Return the target of a photo with the same bytes, or None."""
        if not self._unread and not self._targets:
            return None  # without reading the photo, as in nearly all cases
        for path, target in self._unread:
            with contextlib.suppress(PhotoError):
                self._targets.setdefault(hash_file(path), target)
        self._unread = []
        with contextlib.suppress(PhotoError):
            return self._targets.get(hash_file(source))
        return None


@dataclass(slots=True)
class _Series:
    """The photos with the same preferred name: IMG.jpg, IMG (2).jpg, ..."""

    number: int = 1  # the next number to try
    by_size: defaultdict[int, _SameSize] = field(default_factory=lambda: defaultdict(_SameSize))


class UnusedNames:
    """Finder of names that neither a file on the disk nor another planned photo has.

    Args:
        into: The folder that targets are relative to.
        planned: The photos of targets that are planned already, by target.
    """

    def __init__(self, into: str, planned: Mapping[str, str] | None = None) -> None:
        self._into = into
        self._planned = dict(planned or {})
        self._series: defaultdict[str, _Series] = defaultdict(_Series)

    def choose(self, source: str, size: int, preferred: str) -> tuple[str, bool]:
        """Choose the target of a photo.

        Args:
            source: Path of the photo.
            size: Its size in bytes.
            preferred: The target if its name is unused, relative to `into`.

        Returns:
            The target, and whether a file with the same bytes (by SHA-256) is there
            already, so that the photo need not be placed.
        """
        series = self._series[preferred]
        same_size = series.by_size[size]
        if existing := same_size.find(source):
            return existing, True
        folder, name = os.path.split(preferred)
        while True:
            target = f"{folder}/{numbered(name, series.number)}"
            series.number += 1
            path = os.path.join(self._into, target)
            if not os.path.lexists(path):
                if target not in self._planned:
                    self._planned[target] = source
                    same_size.add(source, target)
                    return target, False
                path = self._planned[target]
                if path == source:
                    continue
            with contextlib.suppress(OSError):  # the name may be that of a broken link
                num_bytes = os.path.getsize(path)
                series.by_size[num_bytes].add(path, target)
                if num_bytes == size and (existing := same_size.find(source)):
                    return existing, True
