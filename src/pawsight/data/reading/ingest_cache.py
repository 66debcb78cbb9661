"""The cache of ingest: an index of facts, and beside it the file of pixels.

There is one folder for each source and working size, used by one process at a time:

    <cache>/ingest/<source>-<hash>/<height>x<width>-<resize>[-<bands>]/
        index.sqlite  pixels-<number>.u8  lock.sqlite

A row of the index is committed only after its pixels are on the disk, and rows
of pixels are only added. So a process that is killed at any moment leaves a
consistent cache, and a process that trains from the cache is not disturbed. When most
rows belong to photos that were removed or changed, the other rows are copied to a new
file.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from pawsight.data.decoding import decode
from pawsight.data.reading.ingest_index import SCHEMA, CachedFacts, Index
from pawsight.data.reading.store import row_bytes
from pawsight.errors import DiskError, first_line
from pawsight.gc_pause import pause_gc
from pawsight.progress import Progress
from pawsight.records import IntArray, Photo, Resize
from pawsight.storage.atomic import make_dirs, opener
from pawsight.storage.cache import cache_dir, mark_in_use
from pawsight.storage.disk_space import free_bytes
from pawsight.storage.locks import locked

RESERVE_BYTES = 512 * 2**20  # of the disk, left free for other files
_COMMIT_SECONDS = 2.0  # between two commits
_MAX_UNUSED = 1000  # the index and the file of pixels are compacted beyond this


class IngestCache:
    """The index and the pixel file of one source at one working size.

    Args:
        folder: The folder of the cache; None keeps the index in memory and no pixels.
        root: The folder of the photos.
        photo_bytes: Bytes of a row of pixels.

    Raises:
        sqlite3.Error, OSError: The folder cannot be written.
    """

    next_row: int  # the next unused row of the file of pixels; set by `look_up`

    def __init__(self, folder: Path | None, root: Path, photo_bytes: int) -> None:
        self._folder = folder
        self._root = root
        self._photo_bytes = photo_bytes
        self._next_commit = time.monotonic() + _COMMIT_SECONDS
        try:
            self._open()
        except (sqlite3.DatabaseError, _OtherDecoderError):
            self._recreate()

    @property
    def store_path(self) -> Path | None:
        """The file of pixels; None if there is no cache folder."""
        return None if self._folder is None else self._folder / f"pixels-{self._number}.u8"

    def _open(self) -> None:
        self._index = Index(None if self._folder is None else self._folder / "index.sqlite")
        about = self._index.describe(
            {
                "maker": _decoder_versions(),
                "root": os.fsencode(self._root),
                "number": self._unused_number(),
            }
        )
        if about["maker"] != _decoder_versions():
            raise _OtherDecoderError
        self._number = int(about["number"])
        self._remove_other_stores()

    def _recreate(self) -> None:
        self._index.close()
        if self._folder is not None:
            (self._folder / "index.sqlite").unlink(missing_ok=True)
        self._open()

    def _unused_number(self) -> int:
        """Return a number of no existing file of pixels: a process may still read from these."""
        return 1 + max((int(path.stem.partition("-")[2]) for path in self._stores()), default=0)

    def _stores(self) -> list[Path]:
        if self._folder is None:
            return []
        return [path for path in self._folder.glob("pixels-*.u8") if path.stem[7:].isdecimal()]

    def _remove_other_stores(self) -> None:
        for path in self._stores():
            if path != self.store_path:
                with contextlib.suppress(OSError):  # some systems cannot remove an open file
                    path.unlink()

    def _store_bytes(self) -> int:
        if self.store_path is None or not self.store_path.exists():
            return 0
        return self.store_path.stat().st_size

    def look_up(self, photos: Sequence[Photo], keep_truncated: bool) -> CachedFacts:
        """Find the photos that are cached and have not changed; compact the cache if needed.

        Args:
            photos: The listed photos, sorted by path.
            keep_truncated: Whether truncated photos are used; results of the other setting do
                not count for damaged photos.
        """
        try:
            with pause_gc():
                cached = self._index.look_up(photos, keep_truncated)
            is_whole = cached.next_row * self._photo_bytes <= self._store_bytes()
        except (sqlite3.DatabaseError, TypeError, ValueError):
            is_whole = False
        if not is_whole:
            self._recreate()
            cached = self._index.look_up(photos, keep_truncated)
        self.next_row = cached.next_row
        num_rows = cached.num_rows
        if len(cached.unmatched) > _MAX_UNUSED + len(photos):
            num_rows -= self._index.forget(cached.unmatched, self._root)
            self._index.commit()
        if self.next_row > _MAX_UNUSED + 2 * num_rows:
            with contextlib.suppress(OSError):  # there is no space; the next call retries
                self._compact(cached.rows)
        return cached

    def _compact(self, rows: IntArray) -> None:
        """Copy the used rows of pixels to a new file, and renumber them.

        Args:
            rows: The row of each listed photo, or -1, shape [N]; renumbered in place.

        Raises:
            OSError: The disk is full; nothing has changed.
        """
        kept = self._index.rows()
        if self.store_path is None or not self._has_free(self.store_path, len(kept)):
            return
        number = self._unused_number()
        new_path = self.store_path.with_name(f"pixels-{number}.u8")
        try:
            with self.store_path.open("rb") as old, open(new_path, "xb", opener=opener) as new:
                for row, _ in kept:
                    old.seek(row * self._photo_bytes)
                    # A damaged line of the index may name a row beyond the end.
                    new.write(old.read(self._photo_bytes).ljust(self._photo_bytes, b"\0"))
                new.flush()
                os.fsync(new.fileno())
        except OSError:
            new_path.unlink(missing_ok=True)
            raise
        self._index.renumber((key for _, key in kept), number)
        self._index.commit()
        self._number = number
        self._remove_other_stores()
        self.next_row = len(kept)
        has_row = rows >= 0
        rows[has_row] = np.searchsorted([row for row, _ in kept], rows[has_row])

    def add(self, photos: Iterable[tuple[Photo, int, str]], keep_truncated: bool) -> None:
        """Add photos to the index, as `Index.add` does; `commit` makes this permanent."""
        self._index.add(photos, keep_truncated)

    def has_space(self, num_photos: int) -> bool:
        """Extend the file of pixels for more photos; return whether the disk has space for them."""
        if self.store_path is None:
            return False
        if num_photos == 0:
            return True
        try:
            if not self._has_free(self.store_path, num_photos):
                return False
            with open(self.store_path, "ab", opener=opener) as store:
                end = (self.next_row + num_photos) * self._photo_bytes
                store.truncate(max(end, self._store_bytes()))
        except OSError:
            return False
        return True

    def _has_free(self, store_path: Path, num_photos: int) -> bool:
        return free_bytes(store_path.parent) >= num_photos * self._photo_bytes + RESERVE_BYTES

    def commit_periodically(self) -> None:
        """Commit if the last commit was more than _COMMIT_SECONDS ago."""
        if time.monotonic() >= self._next_commit:
            self.commit()

    def commit(self) -> None:
        """Flush the pixels and then commit the facts, so that they survive a power cut.

        Raises:
            sqlite3.Error, OSError: The disk is full, or was removed.
        """
        if self.store_path is not None and self.store_path.exists():
            with self.store_path.open("r+b") as store:
                os.fsync(store.fileno())
        self._index.commit()
        self._next_commit = time.monotonic() + _COMMIT_SECONDS

    def close(self) -> None:
        """Close without committing."""
        self._index.close()


class _OtherDecoderError(Exception):
    """The cache was written by another version of a decoder."""


@contextlib.contextmanager
def open_cache(
    root: Path,
    image_size: tuple[int, int],
    resize: Resize,
    progress: Progress,
    bands: tuple[int, ...] = (),
) -> Iterator[IngestCache]:
    """Open the cache of a source for this process alone; wait while another process uses it.

    If the cache cannot be used, an index in memory replaces it, and a note is written.

    Args:
        root: The folder of the photos.
        image_size: Working size (height, width) in pixels.
        resize: How a photo of another shape is resized.
        progress: Receives the notes.
        bands: The bands of a TIFF that are used; empty for the bands of the file.
    """
    height, width = image_size
    photo_bytes = row_bytes(image_size)
    with contextlib.ExitStack() as stack:
        try:
            folder = _source_folder(root) / "-".join(
                (f"{height}x{width}", resize, *map(str, bands))
            )
            mark_in_use(folder)
            make_dirs(folder)
            stack.enter_context(
                locked(
                    folder / "lock.sqlite",
                    lambda owner: progress.note(f"Waiting for {owner}, which reads these photos."),
                )
            )
            cache = IngestCache(folder, root, photo_bytes)
        except (DiskError, OSError, sqlite3.Error) as error:
            progress.note(f"There is no cache: {first_line(error)}")
            cache = IngestCache(None, root, photo_bytes)
        stack.callback(cache.close)
        yield cache


def _source_folder(root: Path) -> Path:
    path = os.fsencode(root.absolute())
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", root.name)[:40].strip("-.") or "photos"
    return cache_dir("ingest") / f"{name}-{hashlib.sha256(path).hexdigest()[:12]}"


def _decoder_versions() -> str:
    """Return the versions that the pixels depend on."""
    versions = (importlib.metadata.version(name) for name in ("pillow", "pillow-heif", "tifffile"))
    return " ".join((str(SCHEMA), str(decode.VERSION), *versions))
