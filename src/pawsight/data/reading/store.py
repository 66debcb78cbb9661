"""Pixels of photos in one file of rows.

They are those that `stream` decodes of the same photos.
"""

from __future__ import annotations

import contextlib
import logging
import os
import struct
import threading
import weakref
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np

from pawsight.data.decoding.analysis import ROW
from pawsight.data.reading.stream import NO_PIXELS, PixelStream
from pawsight.errors import DataError, DiskError, first_line
from pawsight.records import AnalysisArray, ImageArray, IntArray

_log = logging.getLogger(__name__)
_CHECKSUMS = struct.Struct("<II")  # CRC-32 of the parts of a row
_PIXELS, _ANALYSIS = 0, 1  # these parts


def row_bytes(image_size: tuple[int, int]) -> int:
    """Return the bytes of a row of a store, as `row_of` writes it."""
    return image_size[0] * image_size[1] * 3 + ROW.itemsize + _CHECKSUMS.size


def row_of(pixels: bytes, analysis: bytes) -> bytes:
    """Return a row of a store: pixels, what is compared of the photo, a checksum of each."""
    checksums = _CHECKSUMS.pack(zlib.crc32(pixels), zlib.crc32(analysis))
    return b"".join((pixels, analysis, checksums))


class PixelStore:
    """Pixels in one file of rows; they cannot be lost.

    A row is compared with its checksum when it is first read. A photo whose row was
    damaged on the disk is decoded again, and its row is written again.

    Rows are read, not mapped into memory: a mapped file that is cut short by
    another program kills the process at the next touch, and a drive that fails
    does too. Reading costs about 0.1 ms more for 64 photos of 150 x 150 pixels.

    Args:
        path: The file; it stays open as long as the store is there.
        image_size: (height, width) in pixels.
        rows: The row of each photo of the catalog, -1 where it has none.
        photos: The same photos, decoded when they are read.

    Raises:
        DiskError: The file cannot be opened, or is too short.
    """

    lost: Mapping[int, str] = MappingProxyType({})
    batches_at_once = 1

    def __init__(
        self, path: Path, image_size: tuple[int, int], rows: IntArray, photos: PixelStream
    ) -> None:
        self.image_size = image_size
        self._photos = photos
        # Of each photo, whether its pixels and its analysis were compared with their checksums.
        self._is_checked = np.zeros((2, len(rows)), np.bool_)
        self._is_damage_reported = False
        self.path = path
        self._rows = rows
        self._row_bytes = row_bytes(image_size)
        self._lock = threading.Lock()
        num_rows = int(rows.max(initial=-1)) + 1
        if num_rows == 0:  # nothing to open
            return
        try:
            self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            weakref.finalize(self, os.close, self._file)
            size = os.fstat(self._file).st_size
        except OSError as error:
            raise DiskError(f"The pixels in {path} cannot be read: {first_line(error)}.") from error
        if size < num_rows * self._row_bytes:
            raise DiskError(_too_short(path))

    def opener(self, indices: IntArray) -> Callable[[], PixelStore]:
        """Return what opens the pixels of these photos alone, also in another process."""
        photos = self._photos.opener(indices)
        return partial(_open, self.path, self.image_size, self._rows[indices], photos)

    def read(self, indices: IntArray) -> ImageArray:
        """Return photos by their catalog indices; see `Pixels.read`.

        Raises:
            DataError: One of them is a photo that could not be read at ingest.
            DiskError: The drive fails, or the file was cut short meanwhile.
        """
        images = np.empty((len(indices), *self.image_size, 3), np.uint8)
        self._fill(images, indices, _PIXELS)
        return images

    def analysis(self, indices: IntArray) -> AnalysisArray:
        """Return what is compared of photos; raises what `read` does."""
        found = np.empty((len(indices), ROW.itemsize), np.uint8)
        self._fill(found, indices, _ANALYSIS)
        return found.view(ROW)[:, 0]

    def _fill(self, arrays: ImageArray, indices: IntArray, part: int) -> None:
        """Read a part of each photo's row into its array."""
        rows = self._rows[indices]
        if (rows < 0).any():
            raise DataError(NO_PIXELS)
        offset = 0 if part == _PIXELS else self._row_bytes - ROW.itemsize - _CHECKSUMS.size
        places = zip(arrays, np.asarray(indices).tolist(), rows.tolist(), strict=True)
        try:
            for array, index, row in places:
                start = row * self._row_bytes
                if self._read_into(array, start + offset) != array.nbytes:
                    raise DiskError(_too_short(self.path))
                if not self._is_checked[part, index]:
                    if zlib.crc32(array) != self._checksum(start, part):
                        array[:] = self._made_again(index, start, part)
                    self._is_checked[part, index] = True
        except OSError as error:
            raise DiskError(
                f"The pixels in {self.path} cannot be read: {first_line(error)}."
            ) from error

    def _checksum(self, start: int, part: int) -> int:
        found = np.empty(_CHECKSUMS.size, np.uint8)
        if self._read_into(found, start + self._row_bytes - found.nbytes) != found.nbytes:
            raise DiskError(_too_short(self.path))
        checksum: int = _CHECKSUMS.unpack(found.tobytes())[part]
        return checksum

    def _made_again(self, index: int, start: int, part: int) -> ImageArray:
        """Decode the photo of a damaged row and write the row again; return the part."""
        chosen = np.array([index])
        pixels, analysis = self._photos.read(chosen), self._photos.analysis(chosen)
        if index in self._photos.lost:
            raise DiskError(
                f"The pixels in {self.path} are damaged, and a photo cannot be read again: "
                f"{self._photos.lost[index]}.\nBring the photos back, and start again."
            )
        if not self._is_damage_reported:  # once: a damaged drive has many such rows
            self._is_damage_reported = True
            _log.warning("Kept pixels were damaged on the disk and are made again: %s", self.path)
        with contextlib.suppress(OSError), self.path.open("r+b") as store:
            # Not where another file has taken its name since it was opened.
            if os.path.samestat(os.fstat(store.fileno()), os.fstat(self._file)):
                store.seek(start)
                store.write(row_of(pixels.tobytes(), analysis.tobytes()))
        found: ImageArray = pixels if part == _PIXELS else analysis.view(np.uint8).reshape(1, -1)
        return np.asarray(found[0])

    def _read_into(self, array: ImageArray, start: int) -> int:
        """Fill an array from a place in the file; return the number of bytes found there."""
        if hasattr(os, "preadv"):
            return os.preadv(self._file, [array.data], start)
        with self._lock:  # Windows: one place in the file for all threads
            os.lseek(self._file, start, os.SEEK_SET)
            data = os.read(self._file, array.nbytes)
        if len(data) == array.nbytes:
            array[:] = np.frombuffer(data, np.uint8).reshape(array.shape)
        return len(data)


def _open(
    path: Path,
    image_size: tuple[int, int],
    rows: IntArray,
    open_photos: Callable[[], PixelStream],
) -> PixelStore:
    return PixelStore(path, image_size, rows, open_photos())


def _too_short(path: Path) -> str:
    return (
        f"The pixels in {path} cannot be read: the file is shorter than it was written.\n"
        f"Remove that folder; the photos will be read again: {path.parent}"
    )
