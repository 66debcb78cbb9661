"""List and clear the cache.

Only what pawsight itself made is listed or removed: a user may have named a
folder with other things in it. What a running pawsight uses stays.
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
_NAMED = 5  # entries that an error names
_WORKING_SIZE = re.compile(r"\d+x\d+-[a-z]+(-\d+)*")
_SAMPLE = re.compile(r"sample-\d+-\d+")
_STALE_SECONDS = 24 * 3600  # a younger leftover may be at work

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


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """One thing that is kept."""

    name: str  # what to call it; of photos read it is the source, a slash and the working size
    kind: Kind  # what it is; a leftover is of a run that was killed
    path: Path
    origin: str  # the folder of the photos that were read, "" for other kinds
    num_files: int  # photos in an index of photos, files of other kinds
    num_bytes: int  # what it takes on the disk
    last_used: float  # seconds since 1970


@dataclass(frozen=True, slots=True)
class ClearResult:
    """What became of an entry that was to be cleared: removed, or the reason why it was left."""

    entry: CacheEntry
    problem: str = ""


def list_cache() -> list[CacheEntry]:
    """List what is kept, the largest first; raises DiskError."""
    entries = [_measure(kind, path) for kind, path in _folders(cache_dir())]
    return sorted(entries, key=lambda entry: (-entry.num_bytes, entry.name))


def clear_cache(names: Sequence[str] = (ALL,)) -> list[ClearResult]:
    """Remove what is kept under these names; it is made again when it is needed.

    Args:
        names: Names of entries; "all"; or the name of a source alone (that of its
            folder will do), for all its working sizes.

    Raises:
        ConfigError: Nothing of one of these names is kept; then nothing is removed.
        DiskError: The cache folder cannot be used.
    """
    entries = list_cache()
    chosen: dict[str, CacheEntry] = {}
    for name in names:
        matching = [e for e in entries if name in (ALL, *_names(e))]
        if not matching and name != ALL:
            kept = listed((entry.name for entry in entries), _NAMED) or "nothing"
            raise ConfigError(f"The cache keeps nothing named '{name}'.\nIt keeps: {kept}")
        chosen |= {entry.name: entry for entry in matching}
    return [_clear(entry) for entry in chosen.values()]


def _names(entry: CacheEntry) -> tuple[str, str, str]:
    """Return the names of an entry: its own, its source's, and that as the user wrote it."""
    source = entry.name.partition("/")[0]
    return entry.name, source, source.rpartition("-")[0]


def _folders(cache: Path) -> Iterator[tuple[Kind, Path]]:
    for source in _real_folders(cache / "ingest"):
        for path in _real_folders(source):
            if _WORKING_SIZE.fullmatch(path.name):
                yield "photos read", path
            elif path.name.endswith("-cleared"):
                yield "leftover", path
    for path in _real_folders(cache / "unpacked"):
        yield ("leftover" if path.name.startswith(".") else "unpacked archive"), path
    for path in _real_folders(cache / "copied"):  # remote
        yield ("leftover" if path.name.startswith(".") else "copied photos"), path
    for path in _real_folders(cache / "known"):  # sets by name, or what came of one so far
        yield ("leftover" if path.name.startswith(".") else "known set"), path
    for path in _real_folders(cache / "weights"):  # of one network each
        yield ("leftover" if path.name.startswith(".") else "weights"), path
    for path in _real_folders(cache / "features"):  # of photos, by one network at one size
        yield ("leftover" if path.name.startswith(".") else "features"), path
    for place in _real_folders(cache / "runs"):  # of one address each
        yield ("leftover" if place.name.startswith(".") else "copied run"), place
    for path in _real_folders(cache):
        if _SAMPLE.fullmatch(path.name):
            yield "drawn sample", path
        elif path.name.startswith(".sample-"):
            yield "leftover", path


def _real_folders(folder: Path) -> list[Path]:
    """List the folders inside a folder; a link may lead out of the cache and is none."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())


def _measure(kind: Kind, path: Path) -> CacheEntry:
    num_files = num_bytes = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                status = Path(folder, name).lstat()
            except OSError:  # gone meanwhile
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
            # Out of the way in one step: killed now, this leaves no half of what has a name.
            aside = entry.path.with_name(f".{entry.path.name.lstrip('.')}-cleared")
            entry.path.rename(aside)
            shutil.rmtree(aside)
            if entry.kind == "photos read" and not any(entry.path.parent.iterdir()):
                entry.path.parent.rmdir()
        except OSError as error:
            return ClearResult(entry, f"it cannot be removed: {error.strerror or error}")
    return ClearResult(entry)
