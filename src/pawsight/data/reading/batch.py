"""The work of a worker process on a batch of photos: read, decode, measure, store.

A worker writes pixels into the store file itself and returns the facts alone, so
that little has to pass between processes.
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
from pawsight.data.decoding.frame import quiet
from pawsight.data.decoding.photo_statistics import Facts, measure
from pawsight.data.pixel_scale import STANDARD, NoScaleError, PixelScale
from pawsight.data.reading.store import row_bytes, row_of
from pawsight.errors import PhotoError
from pawsight.records import Resize

_AT_ONCE = 16  # photos are stored and measured together, while they stay in a core's own cache
_SLOW_SECONDS = 0.002  # per file; a local disk takes a tenth
NO_MEMORY = "needs more memory than there is"


@dataclass(frozen=True, slots=True)
class Batch:
    """Photos for one worker to read."""

    root: str  # the folder that the paths are relative to
    paths: tuple[str, ...]
    first_row: int  # row of the first photo in the store; the others follow
    image_size: tuple[int, int]  # (height, width) in pixels
    resize: Resize  # how a photo of another shape is resized
    store_path: str | None  # the file to write pixels into, None to write none
    keep_truncated: bool = False  # whether to use a JPEG whose end is missing
    scale: PixelScale = STANDARD  # scales values of more than 8 bits to 0..255

    def singles(self) -> list[Batch]:
        """Divide into batches of one photo."""
        return [
            replace(self, paths=(path,), first_row=row)
            for row, path in enumerate(self.paths, self.first_row)
        ]


class ReadResult(NamedTuple):
    """The result for one photo: facts, or a problem.

    `is_permanent`: reading the same file again would give the same result, which is
    not so for a missing permission. `is_stored`: its pixels are written.
    """

    facts: Facts | None = None
    problem: str = ""
    is_permanent: bool = True
    is_stored: bool = False
    samples: str = ""  # of a photo whose problem is that no rule covers its values


class DecodeTimeout:
    """Limits the time of each decode; this one sets no limit."""

    def begin(self) -> None:
        """Start the clock: a photo was read from the disk and is decoded now."""

    def end(self) -> None:
        """Stop the clock."""


def read_batch(batch: Batch, timeout: DecodeTimeout) -> list[ReadResult]:
    """Read the photos of a batch, in order."""
    findings: list[ReadResult] = []
    is_slow = False
    with _Store(batch) as store, quiet:
        for start in range(0, len(batch.paths), _AT_ONCE):
            paths = [
                os.path.join(batch.root, path)  # noqa: PTH118 - hot
                for path in batch.paths[start : start + _AT_ONCE]
            ]
            begun = time.monotonic()
            files = _load_together(paths) if is_slow else [_load(path) for path in paths]
            is_slow = is_slow or time.monotonic() - begun > _SLOW_SECONDS * len(paths)
            photos = [_decode(batch, file, timeout) for file in files]
            timeout.end()
            surveyed = [found for found, _ in photos if type(found) is UnmeasuredFacts]
            is_stored = store.write(batch.first_row + start, _rows(photos, surveyed))
            statistics = iter(
                measure(np.stack([found.luma for found in surveyed])) if surveyed else ()
            )
            findings += [
                ReadResult(found.facts(next(statistics)), is_stored=is_stored)
                if isinstance(found, UnmeasuredFacts)
                else found
                for found, _ in photos
            ]
    return findings


def _load(path: str) -> bytes | ReadResult:
    try:
        return read_photo(path, was_listed=True)
    except PhotoError as error:
        return ReadResult(problem=str(error), is_permanent=False)
    except MemoryError:
        return ReadResult(problem=NO_MEMORY, is_permanent=False)


def _load_together(paths: list[str]) -> list[bytes | ReadResult]:
    """Load files from a drive that lets each of them wait, such as one across a network."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
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
        is_permanent = not isinstance(
            error.__cause__, MemoryError
        )  # there may be more the next time
        return ReadResult(problem=str(error), is_permanent=is_permanent), b""
    except MemoryError:
        return ReadResult(problem=NO_MEMORY, is_permanent=False), b""


def _rows(
    photos: list[tuple[UnmeasuredFacts | ReadResult, bytes]], surveyed: list[UnmeasuredFacts]
) -> Iterator[bytes]:
    """Yield the row of each photo for the store, none for those that cannot be read."""
    analyses = iter(analyse(np.stack([found.pixels for found in surveyed])) if surveyed else ())
    for _, pixels in photos:
        yield pixels and row_of(pixels, next(analyses).tobytes())


class _Store:
    """The file of pixels, as long as it can be written."""

    def __init__(self, batch: Batch) -> None:
        self._file: FileIO | None = None
        self._row_bytes = row_bytes(batch.image_size)
        if batch.store_path is not None:
            with contextlib.suppress(OSError):
                self._file = FileIO(batch.store_path, "r+")

    def write(self, first_row: int, photos: Iterable[bytes]) -> bool:
        """Write rows; returns False where that fails: the facts are kept anyway."""
        if (file := self._file) is None:
            return False
        # One large write costs half of many small ones. A broken photo's row is not written: a hole
        # takes no space on the disk, however many such photos there are.
        try:
            for is_read, run in groupby(enumerate(photos, first_row), lambda one: bool(one[1])):
                if is_read and not self._write_run(file, list(run)):
                    return False
        except OSError:  # the disk is full
            return False
        return True

    def _write_run(self, file: FileIO, numbered: list[tuple[int, bytes]]) -> bool:
        """Write rows that follow each other, with their numbers; returns whether all were."""
        rows = [pixels for _, pixels in numbered]
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
