"""The index of ingest: the facts of each photo, and its row in the file of pixels."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from pawsight.data.decoding.photo_statistics import FACT_NAMES
from pawsight.records import IntArray, Photo
from pawsight.storage.atomic import create_file

_NAMES = (
    *("path", "size", "mtime_ns", "row", "keep_truncated", "problem"),
    *(*FACT_NAMES, "applied", "checksum"),
)
_COLUMNS = ", ".join(_NAMES)
_TABLES = f"""
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value);
CREATE TABLE IF NOT EXISTS photos ({_COLUMNS}, PRIMARY KEY (path)) WITHOUT ROWID;
"""
_FLAW = FACT_NAMES.index("flaw")
_facts_of = attrgetter(*FACT_NAMES)
_ROW_FACTOR, _MASK = 2654435761, 2**32 - 1  # of the checksum
SCHEMA = 7  # increased whenever the tables or the rows of pixels change


class CachedFacts(NamedTuple):
    """The index's entries of listed photos."""

    photos: list[Photo]  # the photos, with their facts where the index has them, length N
    rows: IntArray  # their rows of pixels, shape [N], -1 where there are none
    is_known: NDArray[np.bool_]  # whether the index has the facts of a photo, shape [N]
    # How photos of more than 8 bits were scaled, by photo index: the result of
    # `PixelScale.applied_to`.
    applied: dict[int, str]
    num_rows: int  # the number of rows of pixels that belong to a photo of the index
    next_row: int  # the number after the last of these rows
    unmatched: list[bytes]  # keys of photos that are not listed, or that have changed


class Index:
    """The index in an SQLite file, or in memory.

    Every method raises sqlite3.Error if the file is damaged or the disk is full.

    Args:
        path: The file; None for an index in memory.
    """

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            create_file(path)
        self._database = sqlite3.connect(path or ":memory:", timeout=10)

    def describe(self, about: dict[str, str | int | bytes]) -> dict[str, str | int | bytes]:
        """Set properties of the index that it does not have yet; return all its properties."""
        self._database.executescript(_TABLES)
        self._database.executemany("INSERT OR IGNORE INTO about VALUES (?, ?)", about.items())
        self._database.commit()
        return dict(self._database.execute("SELECT key, value FROM about"))

    def look_up(self, photos: Sequence[Photo], keep_truncated: bool) -> CachedFacts:
        """Find the photos that are in the index and have not changed.

        Args:
            photos: The listed photos, sorted by path.
            keep_truncated: Whether truncated photos are used; entries of damaged photos that
                were added with the other setting are ignored.
        """
        count = len(photos)
        matched, unmatched = list(photos), []
        matched_rows, is_known = np.full(count, -1, np.int64), np.zeros(count, bool)
        applied: dict[int, str] = {}
        last_row, num_rows = -1, 0
        # Photos and index are in the same order, so one pass is enough, without a dict of paths.
        keys = _in_order_of_key(photos)
        key, position = next(keys)
        rows = self._database.execute(f"SELECT {_COLUMNS} FROM photos ORDER BY path")
        for *values, checksum in rows:
            path, size, mtime_ns, row, kept, problem, *facts, rule = values
            if checksum != _checksum(values):  # damaged on the disk
                unmatched.append(path)
                continue
            if row >= 0:
                num_rows += 1
                last_row = max(last_row, row)
            while key is not None and key < path:
                key, position = next(keys)
            if key != path:
                unmatched.append(path)
                continue
            photo = photos[position]
            if photo.size != size or photo.mtime_ns != mtime_ns:
                unmatched.append(path)
            # The result for an intact photo does not depend on `keep_truncated`.
            elif not photo.problem and (kept == keep_truncated or not (problem or facts[_FLAW])):
                is_known[position] = True
                matched_rows[position] = row
                matched[position] = _with_facts(photo, problem, facts)
                if matched[position].samples:
                    applied[position] = rule
        return CachedFacts(
            matched, matched_rows, is_known, applied, num_rows, last_row + 1, unmatched
        )

    def add(self, photos: Iterable[tuple[Photo, int, str]], keep_truncated: bool) -> None:
        """Add or replace photos.

        Args:
            photos: Each photo with its row of pixels (-1 for none) and the result of
                `PixelScale.applied_to`.
            keep_truncated: The setting by which they were read.
        """
        self._database.executemany(
            f"REPLACE INTO photos ({_COLUMNS}) VALUES ({', '.join('?' * len(_NAMES))})",
            (
                (*values, _checksum(values))
                for values in (
                    [
                        *(_key(photo.path), photo.size, photo.mtime_ns, row, int(keep_truncated)),
                        *(photo.problem, *_facts_of(photo), applied),
                    ]
                    for photo, row, applied in photos
                )
            ),
        )

    def forget(self, keys: Iterable[bytes], root: Path) -> int:
        """Remove photos whose files were removed or changed; return how many rows they had.

        An unchanged photo is kept: another table of the same folder may list it.
        """
        num_rows = 0
        folder = os.fsencode(root)
        for key in keys:
            ((size, mtime_ns, row),) = self._database.execute(
                "SELECT size, mtime_ns, row FROM photos WHERE path = ?", (key,)
            )
            with contextlib.suppress(OSError):
                status = os.stat(os.path.join(folder, key))  # noqa: PTH116, PTH118 - bytes
                if (status.st_size, status.st_mtime_ns) == (size, mtime_ns):
                    continue
            self._database.execute("DELETE FROM photos WHERE path = ?", (key,))
            num_rows += row >= 0
        return num_rows

    def rows(self) -> list[tuple[int, bytes]]:
        """Return the used rows of pixels, ascending, each with the key of its photo."""
        return self._database.execute(
            "SELECT row, path FROM photos WHERE row >= 0 ORDER BY row"
        ).fetchall()

    def renumber(self, keys: Iterable[bytes], number: int) -> None:
        """Assign the rows 0, 1, ... of the file of pixels `number` to photos."""
        self._database.executemany(
            f"UPDATE photos SET checksum = (checksum + (?1 - row) * {_ROW_FACTOR}) & {_MASK}, "
            f"row = ?1 WHERE path = ?2",
            enumerate(keys),
        )
        self._database.execute("UPDATE about SET value = ? WHERE key = 'number'", (number,))

    def commit(self) -> None:
        """Commit all changes."""
        self._database.commit()

    def close(self) -> None:
        """Close without committing."""
        self._database.close()


def _with_facts(photo: Photo, problem: str, facts: Sequence[Any]) -> Photo:
    # Equal texts of many photos share one object, to save memory.
    values = dict(zip(FACT_NAMES, facts, strict=True))
    for name in ("format", "samples", "camera"):
        values[name] = intern(values[name])
    return Photo(
        *(photo.path, photo.label, photo.part, photo.size, photo.mtime_ns, intern(problem)),
        group=photo.group,
        columns=photo.columns,
        **values,
    )


def describe_file(path: Path) -> tuple[str, int]:
    """Return the folder of the photos of an index and their number; "" and 0 if it is damaged.

    The file is opened for reading only, and does not block a writer.
    """
    address = f"file:{quote(os.fsencode(path.absolute()))}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=1)) as database:
            (root,) = database.execute("SELECT value FROM about WHERE key = 'root'").fetchone()
            (count,) = database.execute("SELECT count(*) FROM photos").fetchone()
            return os.fsdecode(root), count
    except (sqlite3.Error, TypeError):
        return "", 0


def _checksum(values: Sequence[Any]) -> int:
    """Return a 32-bit checksum of a photo's columns; it is linear in the row, for `renumber`."""
    path, size, mtime_ns, row, *others = values
    code = zlib.crc32(repr((path, size, mtime_ns, others)).encode("utf-8", "surrogatepass"))
    return (code + int(row) * _ROW_FACTOR) & _MASK  # int: a damaged index may have text there


def _in_order_of_key(photos: Sequence[Photo]) -> Iterator[tuple[bytes | None, int]]:
    """Yield key and position of each photo in the order in which SQLite sorts, then None."""
    keys = ((_key(photo.path), position) for position, photo in enumerate(photos))
    # Text and bytes of ASCII sort alike, so these photos are in order.
    yield from keys if all(photo.path.isascii() for photo in photos) else sorted(keys)
    yield None, -1


def _key(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
