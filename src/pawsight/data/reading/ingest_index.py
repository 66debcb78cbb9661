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
_PER_ROW, _MASK = 2654435761, 2**32 - 1
SCHEMA = 7  # raised whenever the tables or the rows of pixels change


class CachedFacts(NamedTuple):
    """The index's entries of listed photos."""

    photos: list[Photo]  # the photos, with their facts where the index has them, length N
    rows: IntArray  # their rows of pixels, shape [N], -1 where there are none
    is_known: NDArray[np.bool_]  # whether the index has the facts of a photo, shape [N]
    # What was done to the values of photos of more than 8 bits, by index, as
    # `PixelScale.applied_to` writes it.
    applied: dict[int, str]
    num_rows: int  # rows of pixels that belong to a photo of the index
    next_row: int  # one above the last of these rows
    unmatched: list[bytes]  # keys of photos that the listing lacks, or that have changed


class Index:
    """An SQLite file, or a table in memory.

    Every method raises sqlite3.Error where the file is damaged or the disk full.
    """

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            create_file(path)
        self._database = sqlite3.connect(path or ":memory:", timeout=10)

    def describe(self, about: dict[str, str | int | bytes]) -> dict[str, str | int | bytes]:
        """Write what the index is about, unless that is written already; return what is written."""
        self._database.executescript(_TABLES)
        self._database.executemany("INSERT OR IGNORE INTO about VALUES (?, ?)", about.items())
        self._database.commit()
        return dict(self._database.execute("SELECT key, value FROM about"))

    def look_up(self, photos: Sequence[Photo], keep_truncated: bool) -> CachedFacts:
        """Find the photos that the index holds and that have not changed.

        Args:
            photos: As they were listed, sorted by path.
            keep_truncated: Of two ways to read a damaged photo, the one that counts.
        """
        count = len(photos)
        found, unmatched = list(photos), []
        found_rows, is_known = np.full(count, -1, np.int64), np.zeros(count, bool)
        applied: dict[int, str] = {}
        last_row, num_rows = -1, 0
        # Both are in order, so one pass over both does, and no table of paths is needed.
        places = _in_order_of_key(photos)
        key, place = next(places)
        rows = self._database.execute(f"SELECT {_COLUMNS} FROM photos ORDER BY path")
        for *values, checksum in rows:
            path, size, mtime_ns, row, kept, problem, *facts, rule = values
            if checksum != _checksum(values):  # the disk damaged it
                unmatched.append(path)
                continue
            if row >= 0:
                num_rows += 1
                last_row = max(last_row, row)
            while key is not None and key < path:
                key, place = next(places)
            if key != path:
                unmatched.append(path)
                continue
            photo = photos[place]
            if photo.size != size or photo.mtime_ns != mtime_ns:
                unmatched.append(path)
            # A sound photo is read in the same way, whatever is done with damaged ones.
            elif not photo.problem and (kept == keep_truncated or not (problem or facts[_FLAW])):
                is_known[place] = True
                found_rows[place] = row
                found[place] = _with_facts(photo, problem, facts)
                if found[place].samples:
                    applied[place] = rule
        return CachedFacts(found, found_rows, is_known, applied, num_rows, last_row + 1, unmatched)

    def add(self, photos: Iterable[tuple[Photo, int, str]], keep_truncated: bool) -> None:
        """Store photos, their rows of pixels, and what was done to their values."""
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
        """Remove photos that are gone or changed; return how many rows of pixels they had.

        What is as it was, but not listed now, may belong to another table of the same folder.
        """
        num_rows = 0
        folder = os.fsencode(root)
        for key in keys:
            (known,) = self._database.execute(
                "SELECT size, mtime_ns, row FROM photos WHERE path = ?", (key,)
            )
            with contextlib.suppress(OSError):
                at = os.stat(os.path.join(folder, key))  # noqa: PTH116, PTH118 - bytes
                if (at.st_size, at.st_mtime_ns) == known[:2]:
                    continue
            self._database.execute("DELETE FROM photos WHERE path = ?", (key,))
            num_rows += known[2] >= 0
        return num_rows

    def rows(self) -> list[tuple[int, bytes]]:
        """Return the rows of pixels that belong to photos, ascending, with the photos' keys."""
        return self._database.execute(
            "SELECT row, path FROM photos WHERE row >= 0 ORDER BY row"
        ).fetchall()

    def renumber(self, keys: Iterable[bytes], number: int) -> None:
        """Assign photos the rows 0, 1, ... of the file of pixels with that number."""
        self._database.executemany(
            f"UPDATE photos SET checksum = (checksum + (?1 - row) * {_PER_ROW}) & {_MASK}, "
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
    # Equal texts of many photos share one object.
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
    """Return the folder that an index is about and its number of photos; "" and 0 if damaged.

    Nothing is written, and no writer is blocked.
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
    """Return the checksum of a photo's columns, 32 bits; it is linear in the row."""
    path, size, mtime_ns, row, *others = values
    code = zlib.crc32(repr((path, size, mtime_ns, others)).encode("utf-8", "surrogatepass"))
    return (code + int(row) * _PER_ROW) & _MASK  # int: a damaged index may have text there


def _in_order_of_key(photos: Sequence[Photo]) -> Iterator[tuple[bytes | None, int]]:
    """Yield key and place of each photo in the order in which SQLite sorts, then None."""
    if all(photo.path.isascii() for photo in photos):  # then text and bytes sort alike
        yield from ((photo.path.encode(), place) for place, photo in enumerate(photos))
    else:
        yield from sorted((_key(photo.path), place) for place, photo in enumerate(photos))
    yield None, -1


def _key(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
