"""What a worker process does with a batch of photos: read, decode, measure and store them.

A worker writes the pixels into the store itself and returns only the facts, so
little data passes between processes.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from io import FileIO
from itertools import groupby
from typing import NamedTuple

import numpy as np

from pawsight.data.decoding.analysis import analyse
from pawsight.data.decoding.decode import UnmeasuredFacts, read_photo, survey
from pawsight.data.decoding.decode_errors import NO_MEMORY
from pawsight.data.decoding.frame import quiet
from pawsight.data.decoding.photo_statistics import Facts, measure
from pawsight.data.pixel_scale import STANDARD, NoScaleError, PixelScale
from pawsight.data.reading.store import row_bytes, row_of
from pawsight.errors import PhotoError
from pawsight.records import Resize

_GROUP_SIZE = 16  # photos that are measured and stored together: they fit into the cache of a core
_SLOW_SECONDS = 0.002  # per file; a local disk takes a tenth of it


@dataclass(frozen=True, slots=True)
class Batch:
    """Photos for one worker to read."""

    root: str  # the folder that the paths are relative to
    paths: tuple[str, ...]
    first_row: int  # row of the first photo in the store; the other rows follow
    image_size: tuple[int, int]  # (height, width) in pixels
    resize: Resize  # how a photo of another shape is resized
    store_path: str | None  # the file to write pixels into, None to discard them
    keep_truncated: bool = False  # whether to use a JPEG whose end is missing
    scale: PixelScale = STANDARD  # scales values of more than 8 bits to 0..255

    def singles(self) -> list[Batch]:
        """Divide into batches of one photo."""
        return [
            replace(self, paths=(path,), first_row=row)
            for row, path in enumerate(self.paths, self.first_row)
        ]


class ReadResult(NamedTuple):
    """The result for one photo: facts, or a problem."""

    facts: Facts | None = None
    problem: str = ""
    # Whether reading the file again would give the same result; False for a missing permission.
    is_permanent: bool = True
    is_stored: bool = False  # whether its pixels are in the store
    samples: str = (
        ""  # the kind and range of its values, if the problem is that no rule scales them
    )


class DecodeTimeout:
    """A limit for the time of each decode; this class sets no limit, subclasses do."""

    def begin(self) -> None:
        """Start the clock: the decoding of a photo begins."""

    def end(self) -> None:
        """Stop the clock."""


def read_batch(batch: Batch, timeout: DecodeTimeout) -> list[ReadResult]:
    """Read the photos of a batch; return their results in order."""
    results: list[ReadResult] = []
    is_slow = False
    with _Store(batch) as store, quiet:
        for start in range(0, len(batch.paths), _GROUP_SIZE):
            paths = [
                os.path.join(batch.root, path)  # noqa: PTH118 - called for each photo
                for path in batch.paths[start : start + _GROUP_SIZE]
            ]
            begun = time.monotonic()
            files = _load_in_threads(paths) if is_slow else [_load(path) for path in paths]
            is_slow = is_slow or time.monotonic() - begun > _SLOW_SECONDS * len(paths)
            photos = [_decode(batch, file, timeout) for file in files]
            timeout.end()
            decoded = [facts for facts, _ in photos if isinstance(facts, UnmeasuredFacts)]
            is_stored = store.write(batch.first_row + start, _rows(photos, decoded))
            statistics = iter(
                measure(np.stack([facts.luma for facts in decoded])) if decoded else ()
            )
            results += [
                ReadResult(outcome.facts(next(statistics)), is_stored=is_stored)
                if isinstance(outcome, UnmeasuredFacts)
                else outcome
                for outcome, _ in photos
            ]
    return results


def _load(path: str) -> bytes | ReadResult:
    try:
        return read_photo(path, was_listed=True)
    except PhotoError as error:
        return ReadResult(problem=str(error), is_permanent=False)
    except MemoryError:
        return ReadResult(problem=NO_MEMORY, is_permanent=False)


def _load_in_threads(paths: list[str]) -> list[bytes | ReadResult]:
    """Load files in parallel, from a drive with a high latency, such as a network drive."""
    with ThreadPoolExecutor(_GROUP_SIZE) as pool:
        return list(pool.map(_load, paths))


def _decode(
    batch: Batch, file: bytes | ReadResult, timeout: DecodeTimeout
) -> tuple[UnmeasuredFacts | ReadResult, bytes]:
    """Decode one photo; return its facts or problem, and its pixels."""
    if isinstance(file, ReadResult):
        return file, b""
    timeout.begin()
    try:
        image, photo = survey(
            file, batch.image_size, batch.resize, batch.keep_truncated, batch.scale
        )
        return photo, image.tobytes()
    except NoScaleError as error:
        return ReadResult(problem=str(error), samples=error.samples), b""
    except PhotoError as error:
        # There may be more memory the next time.
        is_permanent = not isinstance(error.__cause__, MemoryError)
        return ReadResult(problem=str(error), is_permanent=is_permanent), b""
    except MemoryError:
        return ReadResult(problem=NO_MEMORY, is_permanent=False), b""


def _rows(
    photos: list[tuple[UnmeasuredFacts | ReadResult, bytes]], decoded: list[UnmeasuredFacts]
) -> Iterator[bytes]:
    """Yield the row of each photo for the store; b"" for photos that cannot be read."""
    analyses = iter(analyse(np.stack([facts.pixels for facts in decoded])) if decoded else ())
    for _, pixels in photos:
        yield pixels and row_of(pixels, next(analyses).tobytes())


class _Store:
    """Writes rows into the file of pixels."""

    def __init__(self, batch: Batch) -> None:
        self._file: FileIO | None = None
        self._row_bytes = row_bytes(batch.image_size)
        if batch.store_path is not None:
            with contextlib.suppress(OSError):
                self._file = FileIO(batch.store_path, "r+")

    def write(self, first_row: int, rows: Iterable[bytes]) -> bool:
        """Write consecutive rows, without empty ones; return whether this succeeded."""
        if (file := self._file) is None:
            return False
        # One large write takes half the time of many small writes. No row is written for a broken
        # photo: the hole in the file takes no space on the disk.
        try:
            for has_pixels, run in groupby(enumerate(rows, first_row), lambda pair: bool(pair[1])):
                if has_pixels and not self._write_run(file, list(run)):
                    return False
        except OSError:  # the disk is full
            return False
        return True

    def _write_run(self, file: FileIO, numbered: list[tuple[int, bytes]]) -> bool:
        """Write consecutive rows, given with their numbers; return whether all were written."""
        rows = [row for _, row in numbered]
        start = numbered[0][0] * self._row_bytes
        if hasattr(os, "pwritev"):
            num_written = os.pwritev(file.fileno(), rows, start)
        else:
            file.seek(start)
            num_written = file.write(b"".join(rows))
        return num_written == len(rows) * self._row_bytes

    def __enter__(self) -> _Store:
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
