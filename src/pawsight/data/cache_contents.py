"""List and clear the cache.

Only folders that pawsight created are listed or removed: the user may have chosen a
folder with other content. Folders that a running pawsight process uses are kept.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pawsight.data.reading.ingest_index import describe_file
from pawsight.errors import ConfigError
from pawsight.formatting import listed
from pawsight.run_addresses import unsent_changes
from pawsight.storage.cache import cache_dir, last_used, lock_unused

ALL = "all"
_WORKING_SIZE = re.compile(r"\d+x\d+-[a-z]+(-\d+)*")
_SAMPLE = re.compile(r"sample-\d+-\d+")
_STALE_SECONDS = 24 * 3600  # another process may still be writing a younger leftover

Kind = Literal[
    "photos read",
    "unpacked archive",
    "copied photos",
    "known set",
    "drawn sample",
    "weights",
    "features",
    "copied run",
    "leftover",
]


# Folders of the cache that hold one entry in each subfolder.
_KINDS: dict[str, Kind] = {
    "unpacked": "unpacked archive",
    "copied": "copied photos",
    "known": "known set",
    "weights": "weights",  # of one network each
    "features": "features",  # of photos, by one network at one size
    "runs": "copied run",  # of one address each
}


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """One folder of the cache."""

    name: str  # for photos read: the source, a slash and the working size
    kind: Kind  # a leftover is an unfinished folder of a process that was killed
    path: Path
    origin: str  # the folder of the photos that were read, "" for other kinds
    num_files: int  # photos in the index for photos read, else files
    num_bytes: int  # disk space that is used
    last_used: float  # seconds since 1970


@dataclass(frozen=True, slots=True)
class ClearResult:
    """The result of clearing an entry."""

    entry: CacheEntry
    problem: str = ""  # why it was not removed, "" if it was removed


def list_cache() -> list[CacheEntry]:
    """Return the entries of the cache, the largest first; raises DiskError."""
    entries = [_measure(kind, path) for kind, path in _folders(cache_dir())]
    return sorted(entries, key=lambda entry: (-entry.num_bytes, entry.name))


def clear_cache(names: Sequence[str] = (ALL,)) -> list[ClearResult]:
    """Remove entries of the cache; pawsight creates them again when it needs them.

    Args:
        names: Names of entries; "all"; or the name of a source or of its folder, which means
            all working sizes of that source.

    Returns:
        One result for each entry.

    Raises:
        ConfigError: The cache has no entry of one of these names. Nothing is removed.
        DiskError: The cache folder cannot be used.
    """
    entries = list_cache()
    chosen: dict[str, CacheEntry] = {}
    for name in names:
        matching = [entry for entry in entries if name in (ALL, *_names(entry))]
        if not matching and name != ALL:
            kept = listed(entry.name for entry in entries) or "nothing"
            raise ConfigError(f"The cache keeps nothing named '{name}'.\nIt keeps: {kept}")
        chosen |= {entry.name: entry for entry in matching}
    return [_clear(entry) for entry in chosen.values()]


def _names(entry: CacheEntry) -> tuple[str, str, str]:
    """Return the names that select an entry: the entry, its source, the folder of the source."""
    source = entry.name.partition("/")[0]
    return entry.name, source, source.rpartition("-")[0]


def _folders(cache: Path) -> Iterator[tuple[Kind, Path]]:
    for source in _real_folders(cache / "ingest"):
        for path in _real_folders(source):
            if _WORKING_SIZE.fullmatch(path.name):
                yield "photos read", path
            elif path.name.endswith("-cleared"):
                yield "leftover", path
    for name, kind in _KINDS.items():
        for path in _real_folders(cache / name):
            yield ("leftover" if path.name.startswith(".") else kind), path
    for path in _real_folders(cache):
        if _SAMPLE.fullmatch(path.name):
            yield "drawn sample", path
        elif path.name.startswith(".sample-"):
            yield "leftover", path


def _real_folders(folder: Path) -> list[Path]:
    """Return the folders in a folder, without links, which may lead out of the cache."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())


def _measure(kind: Kind, path: Path) -> CacheEntry:
    num_files = num_bytes = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                status = Path(folder, name).lstat()
            except OSError:  # the file was removed meanwhile
                continue
            num_files += 1
            num_bytes += getattr(status, "st_blocks", -(-status.st_size // 512)) * 512
    name, origin = path.name, ""
    if kind == "photos read":
        name = f"{path.parent.name}/{path.name}"
        origin, num_files = describe_file(path / "index.sqlite")
    return CacheEntry(name, kind, path, origin, num_files, num_bytes, last_used(path))


def _clear(entry: CacheEntry) -> ClearResult:
    if entry.kind == "leftover" and time.time() - entry.last_used < _STALE_SECONDS:
        return ClearResult(entry, "another pawsight may be making it; it is less than a day old")
    if entry.kind == "copied run" and (problem := unsent_changes(entry.path)):
        return ClearResult(entry, problem)
    with lock_unused(entry.path) as is_free:
        if not is_free:
            return ClearResult(entry, "a running pawsight uses it")
        try:
            # Rename first: if this process is killed now, no incomplete entry stays under its name.
            cleared = entry.path.with_name(f".{entry.path.name.lstrip('.')}-cleared")
            entry.path.rename(cleared)
            shutil.rmtree(cleared)
            if entry.kind == "photos read" and not any(entry.path.parent.iterdir()):
                entry.path.parent.rmdir()
        except OSError as error:
            return ClearResult(entry, f"it cannot be removed: {error.strerror or error}")
    return ClearResult(entry)
