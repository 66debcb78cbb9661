"""What ingest remembers between runs: an index of facts, and beside it the file of pixels.

One folder per source and working size, made for one process at a time:

    <cache>/ingest/<source>-<hash>/<height>x<width>-<resize>/index.sqlite  pixels.u8  lock.sqlite

A row of the index is committed only after the pixels it speaks of are on the
disk, and rows of pixels are only ever added. So a process killed at any moment
leaves a cache that is right, and one that trains from it is never disturbed.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import re
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pawsight.errors import DiskError
from pawsight.pictures import decode
from pawsight.pictures.cache import cache_dir
from pawsight.progress import Progress
from pawsight.records import Photo, Resize

RESERVE_BYTES = 512 * 2**20  # left free for whatever else the disk is needed for
_COMMIT_SECONDS = 2.0
_LOCK_SECONDS = 0.2
_FACTS = "problem, format, width, height, sha256, phash, brightness, sharpness"
_TABLES = f"""
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS photos (
    path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, row INTEGER, {_FACTS}
) WITHOUT ROWID;
"""


class IngestCache:
    """The index and the pixel file of one source at one working size.

    Args:
        folder: Where they lie; None keeps the index in memory and has no pixel file.
        root: The folder of the photos.
        photo_bytes: Bytes of one photo's pixels.

    Raises:
        sqlite3.Error, OSError: The folder does not allow it.
    """

    def __init__(self, folder: Path | None, root: Path, photo_bytes: int) -> None:
        self.store_path = None if folder is None else folder / "pixels.u8"
        self._folder = folder
        self._root = root
        self._photo_bytes = photo_bytes
        self._next_commit = time.monotonic() + _COMMIT_SECONDS
        self._open()
        if not self._is_sound():
            self._database.close()
            for path in (self.index_path, self.store_path):
                if path is not None:
                    path.unlink(missing_ok=True)
            self._open()
            self._is_sound()

    @property
    def index_path(self) -> Path | None:
        """The SQLite file."""
        return None if self._folder is None else self._folder / "index.sqlite"

    def _open(self) -> None:
        self._database = sqlite3.connect(self.index_path or ":memory:", timeout=10)

    def _is_sound(self) -> bool:
        """Make the tables if they are not there; say whether what is there can be used."""
        with contextlib.suppress(sqlite3.DatabaseError):
            self._database.executescript(_TABLES)
            if self._database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                return False
            maker = _maker()
            found = dict(self._database.execute("SELECT key, value FROM about"))
            if found.setdefault("maker", maker) != maker:
                return False
            about = {"maker": maker, "root": os.fsencode(self._root)}
            self._database.executemany("REPLACE INTO about VALUES (?, ?)", about.items())
            self._database.commit()
            last, count = self._database.execute(
                "SELECT max(row), count(*) FROM photos WHERE row >= 0"
            ).fetchone()
            self.next_row = 0 if last is None else last + 1
            self.has_photos = bool(
                self._database.execute("SELECT EXISTS (SELECT 1 FROM photos)").fetchone()[0]
            )
            # Rows of photos that have changed since are never used again.
            num_stale = self.next_row - count
            return num_stale <= 1000 + count and self._store_bytes() >= (
                self.next_row * self._photo_bytes
            )
        return False

    def _store_bytes(self) -> int:
        if self.store_path is None or not self.store_path.exists():
            return 0
        return self.store_path.stat().st_size

    def find(self, photo: Photo) -> tuple[Photo, int] | None:
        """Give a photo's facts and its row (-1: it has no pixels), None if unknown or changed."""
        found = self._database.execute(
            f"SELECT row, {_FACTS} FROM photos WHERE path = ? AND size = ? AND mtime_ns = ?",
            (_key(photo.path), photo.size, photo.mtime_ns),
        ).fetchone()
        if found is None:
            return None
        row, problem, kind, *facts = found
        known = Photo(
            *(photo.path, photo.label, photo.part, photo.size, photo.mtime_ns),
            *(sys.intern(problem), sys.intern(kind), *facts),
        )
        return known, row

    def add(self, photo: Photo, row: int) -> None:
        """Remember a photo; `commit` makes it last."""
        self._database.execute(
            f"REPLACE INTO photos (path, size, mtime_ns, row, {_FACTS}) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(_key(photo.path), photo.size, photo.mtime_ns, row),
                *(photo.problem, photo.format, photo.width, photo.height),
                *(photo.sha256, photo.phash, photo.brightness, photo.sharpness),
            ),
        )

    def has_room(self, num_photos: int) -> bool:
        """Whether the disk has room for more photos; if so, make the pixel file long enough."""
        if self._folder is None or self.store_path is None:
            return False
        if num_photos == 0:
            return True
        needed = num_photos * self._photo_bytes
        if shutil.disk_usage(self._folder).free < needed + RESERVE_BYTES:
            return False
        try:
            with self.store_path.open("ab") as store:
                end = (self.next_row + num_photos) * self._photo_bytes
                store.truncate(max(end, self._store_bytes()))
        except OSError:
            return False
        return True

    def commit_sometimes(self) -> None:
        """Commit if the last time was a while ago."""
        if time.monotonic() >= self._next_commit:
            self.commit()

    def commit(self) -> None:
        """Make pixels and then facts last, whatever happens to the machine.

        Raises:
            sqlite3.Error, OSError: The disk is full or gone.
        """
        if self.store_path is not None and self.store_path.exists():
            with self.store_path.open("r+b") as store:
                os.fsync(store.fileno())
        self._database.commit()
        self._next_commit = time.monotonic() + _COMMIT_SECONDS

    def close(self) -> None:
        """Close without committing."""
        self._database.close()


@contextlib.contextmanager
def open_cache(
    root: Path, image_size: tuple[int, int], resize: Resize, progress: Progress
) -> Iterator[IngestCache]:
    """Open the cache of a source, alone; wait if another process has it.

    Where there can be no cache, an index in memory takes its place, and the user is told.
    """
    height, width = image_size
    photo_bytes = height * width * 3
    with contextlib.ExitStack() as stack:
        try:
            folder = _source_folder(root) / f"{height}x{width}-{resize}"
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_alone(folder / "lock.sqlite", progress))
            cache = IngestCache(folder, root, photo_bytes)
        except (DiskError, OSError, sqlite3.Error) as error:
            progress.note(f"Nothing can be kept for the next time: {error}")
            cache = IngestCache(None, root, photo_bytes)
        stack.callback(cache.close)
        yield cache


def _source_folder(root: Path) -> Path:
    place = os.fsencode(root.absolute())
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", root.name)[:40].strip("-.") or "photos"
    return cache_dir() / "ingest" / f"{name}-{hashlib.sha256(place).hexdigest()[:12]}"


@contextlib.contextmanager
def _alone(path: Path, progress: Progress) -> Iterator[None]:
    """Hold a lock that the system takes back when the process dies, on any system: SQLite's."""
    lock = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
    try:
        is_told = False
        while True:
            try:
                lock.execute("BEGIN EXCLUSIVE")
                break
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
            if not is_told:
                progress.note("Another pawsight is reading these photos; waiting for it to finish.")
                is_told = True
            time.sleep(_LOCK_SECONDS)
        yield
    finally:
        lock.close()


def _key(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _maker() -> str:
    """Name what the pixels depend on: another decoder may give other pixels."""
    versions = (importlib.metadata.version(name) for name in ("pillow", "pillow-heif"))
    return " ".join((str(decode.VERSION), *versions))
