"""What a worker does with its photos: read, decode, measure, store.

A worker writes pixels into the store file itself and gives back only what it
found, so that little has to pass between processes.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from io import FileIO
from typing import NamedTuple

import numpy as np

from pawsight.errors import PhotoError
from pawsight.pictures.decode import Surveyed, read_photo, survey
from pawsight.pictures.facts import Facts, Look, measure
from pawsight.records import ImageArray, Resize

_MEASURED_AT_ONCE = 16  # as many as stay in a core's own cache
NO_MEMORY = "needs more memory than there is"


@dataclass(frozen=True, slots=True)
class Batch:
    """Photos for one worker to read.

    Attributes:
        root: The folder that the paths are relative to.
        paths: Paths of the photos.
        first_row: Row of the first photo in the store; the others follow.
        image_size: (height, width) in pixels.
        resize: How a photo of another shape is brought there.
        store_path: The file to write pixels into, None to write none.
        keep_truncated: Whether to use a JPEG whose end is missing.
    """

    root: str
    paths: tuple[str, ...]
    first_row: int
    image_size: tuple[int, int]
    resize: Resize
    store_path: str | None
    keep_truncated: bool = False

    def singles(self) -> list[Batch]:
        """Divide into batches of one photo."""
        return [
            replace(self, paths=(path,), first_row=row)
            for row, path in enumerate(self.paths, self.first_row)
        ]


class Finding(NamedTuple):
    """What a worker found: facts, or a problem.

    `is_lasting` says that reading the same file again would find the same, which
    is not so for a missing permission. `is_stored` says that its pixels are written.
    """

    facts: Facts | None = None
    problem: str = ""
    is_lasting: bool = True
    is_stored: bool = False


class Watch:
    """Is told when the decoding of a photo begins, and when no photo is at work; does nothing."""

    def begin(self) -> None:
        """A photo has been read from the disk and will now be decoded."""

    def end(self) -> None:
        """No photo is at work."""


def read_batch(batch: Batch, watch: Watch) -> list[Finding]:
    """Read the photos of a batch, in order."""
    findings: list[Finding] = []
    with _Store(batch) as store:
        for start in range(0, len(batch.paths), _MEASURED_AT_ONCE):
            places = range(len(batch.paths))[start : start + _MEASURED_AT_ONCE]
            read = [_read(batch, place, store, watch) for place in places]
            looks = iter(_measure([photo.luma for photo, _ in read if isinstance(photo, Surveyed)]))
            findings += [
                Finding(photo.facts(next(looks)), is_stored=is_stored)
                if isinstance(photo, Surveyed)
                else photo
                for photo, is_stored in read
            ]
            watch.end()
    return findings


def _read(batch: Batch, place: int, store: _Store, watch: Watch) -> tuple[Surveyed | Finding, bool]:
    """Read one photo and store its pixels; say whether they are stored."""
    try:
        data = read_photo(os.path.join(batch.root, batch.paths[place]))  # noqa: PTH118 - hot
    except PhotoError as error:
        return Finding(problem=str(error), is_lasting=False), False
    watch.begin()
    try:
        image, photo = survey(data, batch.image_size, batch.resize, batch.keep_truncated)
        return photo, store.put(batch.first_row + place, image.tobytes())
    except PhotoError as error:
        is_lasting = not isinstance(error.__cause__, MemoryError)  # there may be more next time
        return Finding(problem=str(error), is_lasting=is_lasting), False
    except MemoryError:
        return Finding(problem=NO_MEMORY, is_lasting=False), False


def _measure(lumas: list[ImageArray]) -> list[Look]:
    if len({luma.shape for luma in lumas}) == 1:
        return measure(np.stack(lumas))
    return [measure(luma[None])[0] for luma in lumas]


class _Store:
    """The file of pixels, while it can be written."""

    def __init__(self, batch: Batch) -> None:
        self._file: FileIO | None = None
        if batch.store_path is not None:
            with contextlib.suppress(OSError):
                self._file = FileIO(batch.store_path, "r+")

    def put(self, row: int, pixels: bytes) -> bool:
        """Write a row; False when that fails: facts without pixels are worth keeping, too."""
        if self._file is None:
            return False
        try:
            self._file.seek(row * len(pixels))
            return self._file.write(pixels) == len(pixels)
        except OSError:  # the disk is full
            return False

    def __enter__(self) -> _Store:
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
