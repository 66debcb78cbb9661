"""The folders of a source, and whether they contain photos, by names and on demand."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from pawsight.data.file_types import Kind, is_table_name, kind_of
from pawsight.data.listing.left_out import LeftOut
from pawsight.data.listing.walk import is_folder, sniff_file

_MAX_DEPTH = 16  # levels that are searched for a first photo; it ends loops of links
_MAX_NAMES = 2000  # of photos in a folder, which are kept to propose a pattern


@dataclass(slots=True)
class _Entries:
    folders: list[str] = field(default_factory=list)
    photos: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)  # files whose first bytes decide
    tables: list[str] = field(default_factory=list)
    error: OSError | None = None
    is_run: bool = False


class Outline:
    """The folders below a source; each folder is listed once, when it is needed.

    A `prefix` is a folder relative to `root`: "" or ending in "/".

    Args:
        root: The source, or the folder in it that encloses all photos.
        left_out: Decides what is left out.
        enclosing: The outline of the parent of `root`; None if `root` is the source.
    """

    def __init__(self, root: Path, left_out: LeftOut, enclosing: Outline | None = None) -> None:
        self.root = root
        self._enclosing = enclosing
        self._left_out = left_out
        self._listed: dict[str, _Entries] = {}
        self._holds: dict[str, bool] = {}

    def folders(self, prefix: str = "") -> tuple[str, ...]:
        """Return the names of the subfolders with photos, at any depth; sorted, links last."""
        return tuple(
            name for name in self._entries(prefix).folders if self._has_any(f"{prefix}{name}/")
        )

    def empty_folders(self, prefix: str = "") -> tuple[str, ...]:
        """Return the names of the subfolders without photos, in the same order."""
        with_photos = set(self.folders(prefix))
        return tuple(name for name in self._entries(prefix).folders if name not in with_photos)

    def has_photos(self, prefix: str = "") -> bool:
        """Return whether photos are directly in a folder."""
        entries = self._entries(prefix)
        return bool(entries.photos) or any(
            sniff_file(f"{self.root}/{prefix}{name}")[0] is not Kind.OTHER
            for name in entries.unknown
        )

    def photo_names(self, prefix: str = "") -> list[str]:
        """Return the names of the first photos directly in a folder."""
        return self._entries(prefix).photos

    @property
    def source_root(self) -> Path:
        """The folder of the source, which may enclose `root`."""
        return self._enclosing.source_root if self._enclosing else self.root

    def tables(self, prefix: str = "") -> list[Path]:
        """Return the tables in a folder, sorted; for "" also those of enclosing folders."""
        paths = [self.root / prefix / name for name in sorted(self._entries(prefix).tables)]
        return paths + (self._enclosing.tables() if self._enclosing and not prefix else [])

    @property
    def is_run(self) -> bool:
        """Whether the source itself is a result of pawsight, such as a run or an audit."""
        return self._entries("").is_run

    def error(self, prefix: str) -> OSError | None:
        """Return the error for a folder that cannot be listed, else None."""
        return self._entries(prefix).error

    def _has_any(self, prefix: str) -> bool:
        if prefix not in self._holds:
            # A folder that cannot be listed may hold photos; the catalog states its problem.
            self._holds[prefix] = self.error(prefix) is not None or self.has_photos(prefix)
            if not self._holds[prefix] and prefix.count("/") < _MAX_DEPTH:
                inner = self._entries(prefix).folders
                self._holds[prefix] = any(self._has_any(f"{prefix}{name}/") for name in inner)
        return self._holds[prefix]

    def _entries(self, prefix: str) -> _Entries:
        if prefix not in self._listed:
            self._listed[prefix] = self._list(prefix)
        return self._listed[prefix]

    def _list(self, prefix: str) -> _Entries:
        listing = _Entries()
        links: list[str] = []
        others: set[str] = set()
        try:
            with os.scandir(f"{self.root}/{prefix}") as entries:
                for entry in entries:
                    name = entry.name
                    if is_folder(entry):
                        if self._left_out.takes_folder(prefix + name):
                            (links if entry.is_symlink() else listing.folders).append(name)
                        continue
                    kind = kind_of(name)
                    if kind is Kind.OTHER:
                        others.add(name)
                    elif not self._left_out.excludes(prefix + name):
                        names = listing.unknown if kind is Kind.UNKNOWN else listing.photos
                        if len(names) < _MAX_NAMES:
                            names.append(name)
        except OSError as error:
            return _Entries(error=error)
        if not self._left_out.takes_content(str(self.root), prefix.rstrip("/"), others):
            return _Entries(is_run=True)
        listing.tables = [
            name
            for name in others
            if is_table_name(name) and not self._left_out.excludes(prefix + name)
        ]
        listing.folders = sorted(listing.folders) + sorted(links)
        return listing
