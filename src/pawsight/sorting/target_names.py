"""Names for sorted photos: a folder per class, and in it only free names."""

from __future__ import annotations

import contextlib
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pawsight.errors import DataError, PhotoError
from pawsight.sorting.file_contents import hash_file

# os.path, not pathlib: 100,000 names are checked, and they may hold any bytes.
# ruff: noqa: PTH118, PTH122, PTH202


MAX_NAME_BYTES = 255  # of one name, on nearly every disk
_MAX_SUFFIX = 20  # letters; what is longer after a dot is no extension
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\udc80-\udcff]')  # on some disk or other
_DEVICES = {"con", "prn", "aux", "nul"} | {
    f"{kind}{n}" for kind in ("com", "lpt") for n in "123456789"
}


def class_folders(class_names: Iterable[str]) -> dict[str, str]:
    """Return the folder name of each class: its own name where a disk allows it.

    A class called `unsure` or `none` shares the folder of the photos that no class got.

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
                f"disks.\nTrain again with names that differ in more."
            )
    return folders


def _folder_name(name: str) -> str:
    plain = _FORBIDDEN.sub("_", name).lstrip(".").rstrip(". ") or "_"
    plain = numbered(plain, 1)
    return f"{plain}_" if plain.casefold() in _DEVICES else plain


def portable(name: str) -> str:
    """Return a name that every file system allows."""
    stem, suffix = _parts(_FORBIDDEN.sub("_", name))
    return _shortened(stem, suffix, MAX_NAME_BYTES // 2)


def numbered(name: str, number: int) -> str:
    """Return `IMG.jpg` for 1, `IMG (2).jpg` for 2 and so on, short enough for a file system."""
    stem, suffix = _parts(name)
    return _shortened(stem, f" ({number}){suffix}" if number > 1 else suffix, MAX_NAME_BYTES)


def _parts(name: str) -> tuple[str, str]:
    stem, suffix = os.path.splitext(name)
    return (name, "") if len(suffix) > _MAX_SUFFIX else (stem, suffix)


def _shortened(stem: str, end: str, num_bytes: int) -> str:
    while len(os.fsencode(stem + end)) > num_bytes:
        stem = stem[:-1]  # a letter, which may be several bytes
    return stem + end


class _Alike:
    """Photos of one size and name, found by their content; each is read once at most."""

    def __init__(self) -> None:
        self._unread: list[tuple[str, str]] = []  # where to read a photo, and its target
        self._targets: dict[str, str] = {}  # by the hash of the bytes

    def add(self, path: str, target: str) -> None:
        """Add a photo that has a name, or is planned to get one."""
        self._unread.append((path, target))

    def find(self, source: str) -> str | None:
        """Return the target of the photo that has the same bytes, or None."""
        if not self._unread and not self._targets:
            return None  # as with nearly every photo, which then need not be read
        for path, target in self._unread:
            with contextlib.suppress(PhotoError):
                self._targets.setdefault(hash_file(path), target)
        self._unread = []
        with contextlib.suppress(PhotoError):
            return self._targets.get(hash_file(source))
        return None


@dataclass(slots=True)
class _Series:
    """The photos of one name: IMG.jpg, IMG (2).jpg, ..."""

    number: int = 1  # the next to be tried
    by_size: defaultdict[int, _Alike] = field(default_factory=lambda: defaultdict(_Alike))  # bytes


class UnusedNames:
    """Finds names that neither a file on the disk nor another photo has.

    Args:
        into: The folder that targets are relative to.
        planned: Targets that are planned already, and their photos.
    """

    def __init__(self, into: str, planned: Mapping[str, str] | None = None) -> None:
        self._into = into
        self._planned = dict(planned or {})
        self._series: defaultdict[str, _Series] = defaultdict(_Series)

    def choose(self, source: str, size: int, wanted: str) -> tuple[str, bool]:
        """Choose the target of a photo.

        Args:
            source: Path of the photo.
            size: Its size in bytes.
            wanted: The target it should have, relative to `into`.

        Returns:
            The target, and whether the same content (all bytes, by SHA-256) is
            there already: then the photo need not be placed.
        """
        series = self._series[wanted]
        alike = series.by_size[size]
        if there := alike.find(source):
            return there, True
        folder, name = os.path.split(wanted)
        while True:
            target = f"{folder}/{numbered(name, series.number)}"
            series.number += 1
            path = os.path.join(self._into, target)
            if not os.path.lexists(path):
                if target not in self._planned:
                    self._planned[target] = source
                    alike.add(source, target)
                    return target, False
                path = self._planned[target]
                if path == source:
                    continue
            with contextlib.suppress(OSError):  # a link that leads nowhere has a name all the same
                num_bytes = os.path.getsize(path)
                series.by_size[num_bytes].add(path, target)
                if num_bytes == size and (there := alike.find(source)):
                    return there, True
