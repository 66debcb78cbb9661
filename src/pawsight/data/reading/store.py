"""Where training gets its pixels: a file of rows, or the photos themselves.

Both kinds give the same pixels for the same photo, by the same indices, so
what reads them need not know which one it has.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pawsight import machine
from pawsight.data.decoding.decode import PAD_COLOUR, load_pixels, read_photo
from pawsight.errors import DataError, DiskError, PhotoError
from pawsight.records import ImageArray, IntArray, Pixels, Resize

__all__ = ["PixelStore", "PixelStream", "Pixels", "is_lost", "lost_photos"]

_log = logging.getLogger(__name__)
_KEPT_SHARE = 1 / 8  # of the memory: training, its system and a browser want theirs
_NO_PIXELS = "Pixels were asked for of a photo that could not be read at ingest."


class PixelStore:
    """Pixels in one file of rows; any thread may read.

    Rows are read, not mapped into memory: a mapped file that is cut short by
    another program kills the process at the next touch, and a drive that fails
    does too. Reading costs about 0.1 ms more for 64 photos of 150 x 150 pixels.

    Args:
        path: The file; it stays open as long as the store is there.
        image_size: (height, width) in pixels.
        rows: The row of each photo of the catalog, -1 where it has none.

    Raises:
        DiskError: The file cannot be opened, or is too short.
    """

    def __init__(self, path: Path, image_size: tuple[int, int], rows: IntArray) -> None:
        self.image_size = image_size
        self.path = path
        self._rows = rows
        self._row_bytes = image_size[0] * image_size[1] * 3
        self._lock = threading.Lock()
        num_rows = int(rows.max(initial=-1)) + 1
        if num_rows == 0:  # nothing to open
            return
        try:
            self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            weakref.finalize(self, os.close, self._file)
            size = os.fstat(self._file).st_size
        except OSError as error:
            raise DiskError(f"The pixels in {path} cannot be read: {error}.") from error
        if size < num_rows * self._row_bytes:
            raise DiskError(_too_short(path))

    def read(self, indices: IntArray) -> ImageArray:
        """Give photos by their catalog indices, in the order asked for; see `Pixels.read`.

        Raises:
            DataError: One of them is a photo that could not be read at ingest.
            DiskError: The drive fails, or the file was cut short meanwhile.
        """
        rows = self._rows[indices]
        if (rows < 0).any():
            raise DataError(_NO_PIXELS)
        images = np.empty((len(rows), *self.image_size, 3), np.uint8)
        try:
            for image, row in zip(images, rows.tolist(), strict=True):
                if self._read_into(image, row * self._row_bytes) != self._row_bytes:
                    raise DiskError(_too_short(self.path))
        except OSError as error:
            raise DiskError(f"The pixels in {self.path} cannot be read: {error}.") from error
        return images

    def _read_into(self, image: ImageArray, start: int) -> int:
        """Fill an array from a place in the file; give the number of bytes found there."""
        if hasattr(os, "preadv"):
            return os.preadv(self._file, [image.data], start)
        with self._lock:  # Windows: one place in the file for all threads
            os.lseek(self._file, start, os.SEEK_SET)
            data = os.read(self._file, self._row_bytes)
        if len(data) == self._row_bytes:
            image[:] = np.frombuffer(data, np.uint8).reshape(image.shape)
        return len(data)


class PixelStream:
    """Pixels decoded when they are asked for, by all cores; any thread may read.

    What was decoded is kept in memory, the first ones as far as there is room: from the
    second epoch on these photos cost no decoding.

    A photo that was sound at ingest and is so no longer comes out mid-grey and
    is counted in `lost`, with one warning in the log while `warns`. It stays lost as long as
    the stream is there: a photo on a drive that flickers would otherwise be
    tried, and waited for, in every epoch.

    Args:
        root: The folder that the paths are relative to.
        paths: Path of each photo of the catalog, "" where it has no pixels.
        image_size: (height, width) in pixels.
        resize: How a photo of another shape is brought there.
        keep_truncated: Whether JPEGs whose end is missing are taken, as at ingest.
        memory_bytes: How much may be kept; None is an eighth of this machine's memory.
    """

    batches_at_once = 2  # so that no core waits for the last photo of a batch

    def __init__(
        self,
        root: Path,
        paths: Sequence[str],
        image_size: tuple[int, int],
        resize: Resize,
        keep_truncated: bool = False,
        memory_bytes: float | None = None,
    ) -> None:
        self.image_size = image_size
        self._root = root
        self._paths = paths
        self._resize: Resize = resize
        self._keep_truncated = keep_truncated
        self.warns = True
        self._lost: dict[int, str] = {}
        if memory_bytes is None:
            memory_bytes = (machine.memory() or 0) * _KEPT_SHARE
        self._num_keepable = int(memory_bytes // (image_size[0] * image_size[1] * 3))
        self._kept: dict[int, ImageArray] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="pawsight-stream")

    @property
    def lost(self) -> Mapping[int, str]:
        """The photos that went bad after ingest: why, by catalog index."""
        return self._lost

    def read(self, indices: IntArray) -> ImageArray:
        """Give photos by their catalog indices, in the order asked for; see `Pixels.read`.

        Raises:
            DataError: One of them is a photo that could not be read at ingest.
        """
        if not all(self._paths[i] for i in indices):
            raise DataError(_NO_PIXELS)
        images = np.empty((len(indices), *self.image_size, 3), np.uint8)
        for place, image in enumerate(self._pool.map(self._load, np.asarray(indices).tolist())):
            images[place] = PAD_COLOUR if image is None else image
        return images

    def _load(self, index: int) -> ImageArray | None:
        if index in self._lost:
            return None
        if index in self._kept:
            return self._kept[index]
        path = os.path.join(self._root, self._paths[index])  # noqa: PTH118 - called for each photo
        try:
            data = read_photo(path)
            image = load_pixels(data, self.image_size, self._resize, self._keep_truncated)
            with self._lock:
                if len(self._kept) < self._num_keepable:
                    self._kept[index] = image
            return image
        except (PhotoError, MemoryError) as error:
            why = str(error) or "needs more memory than there is"
            with self._lock:
                if index not in self._lost:
                    self._lost[index] = why
                    if self.warns:
                        _log.warning("%s has gone bad since it was read: %s", path, why)
            return None


def lost_photos(pixels: Pixels) -> Mapping[int, str]:
    """Give the photos that went bad after ingest: why, by catalog index; a store loses none."""
    lost: Mapping[int, str] = getattr(pixels, "lost", {})
    return lost


def is_lost(pixels: Pixels, indices: IntArray) -> NDArray[np.bool_]:
    """Tell for each photo, after it was read, whether it had gone bad; shape [N]."""
    lost = lost_photos(pixels)
    if not lost:
        return np.zeros(len(indices), np.bool_)
    return np.fromiter((i in lost for i in np.asarray(indices).tolist()), np.bool_, len(indices))


def _too_short(path: Path) -> str:
    return (
        f"The pixels in {path} cannot be read: the file is shorter than it was written.\n"
        f"Remove that folder; the photos will be read again: {path.parent}"
    )
