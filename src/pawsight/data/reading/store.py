"""The two kinds of `Pixels`: rows of a file, and photos that are decoded when they are read.

Both return the same pixels for the same photo.
"""

from __future__ import annotations

import contextlib
import logging
import os
import struct
import threading
import weakref
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pawsight import machine
from pawsight.data.decoding.analysis import ANALYSIS_SIZE, ROW, analyse
from pawsight.data.decoding.decode import PAD_COLOUR, load_pixels, read_photo
from pawsight.data.pixel_scale import STANDARD, PixelScale
from pawsight.errors import DataError, DiskError, PhotoError
from pawsight.records import AnalysisArray, ImageArray, IntArray, Pixels, Resize

_log = logging.getLogger(__name__)
_Loaded = TypeVar("_Loaded")
_CHECKSUMS = struct.Struct("<II")  # CRC-32 of the parts of a row
_PIXELS, _ANALYSIS = 0, 1  # these parts
_KEPT_SHARE = 1 / 8  # of the memory: training, the system and a browser need the rest
_ANALYSES_SHARE = 1 / 8  # of what pixels may take, for what is compared of photos
_NO_PIXELS = "A photo that could not be read at ingest has no pixels."


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
            raise DiskError(f"The pixels in {path} cannot be read: {error}.") from error
        if size < num_rows * self._row_bytes:
            raise DiskError(_too_short(path))

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
            raise DataError(_NO_PIXELS)
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
            raise DiskError(f"The pixels in {self.path} cannot be read: {error}.") from error

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


class PixelStream:
    """Pixels decoded when they are read, by all cores.

    The first photos that are decoded are kept in memory, as many as fit: from the
    second epoch on they cost no decoding.

    A photo that was sound at ingest and can no longer be read comes out mid-grey. It stays
    `lost` as long as the stream exists: on a drive that is unreliable it would otherwise be
    tried, and waited for, in every epoch.

    Args:
        root: The folder that the paths are relative to.
        paths: Path of each photo of the catalog, "" where it has no pixels.
        image_size: (height, width) in pixels.
        resize: How a photo of another shape is resized.
        keep_truncated: Whether JPEGs whose end is missing are taken, as at ingest.
        scale: Scales values of more than 8 bits to 0..255.
        memory_bytes: How much to keep; None is an eighth of this machine's memory.
    """

    batches_at_once = 2  # so that no core waits for the last photo of a batch

    def __init__(
        self,
        root: Path,
        paths: Sequence[str],
        image_size: tuple[int, int],
        resize: Resize,
        keep_truncated: bool = False,
        scale: PixelScale = STANDARD,
        memory_bytes: float | None = None,
    ) -> None:
        self.image_size = image_size
        self._root = root
        self._paths = paths
        self._resize: Resize = resize
        self._keep_truncated = keep_truncated
        self._scale = scale
        self._lost: dict[int, str] = {}
        if memory_bytes is None:
            memory_bytes = (machine.memory() or 0) * _KEPT_SHARE
        self._num_keepable = int(memory_bytes // (image_size[0] * image_size[1] * 3))
        self._kept: dict[int, ImageArray] = {}
        self._num_analyses = int(memory_bytes * _ANALYSES_SHARE // ROW.itemsize)
        self._analyses: dict[int, AnalysisArray] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="pawsight-stream")

    @property
    def lost(self) -> Mapping[int, str]:
        """Why each photo that can no longer be read cannot, by catalog index."""
        return self._lost

    def read(self, indices: IntArray) -> ImageArray:
        """Return photos by their catalog indices; see `Pixels.read`.

        Raises:
            DataError: One of them is a photo that could not be read at ingest.
        """
        images = np.empty((len(indices), *self.image_size, 3), np.uint8)
        for place, image in enumerate(self._map(self._load, indices)):
            images[place] = image
        return images

    def analysis(self, indices: IntArray) -> AnalysisArray:
        """Return what is compared of photos; raises what `read` does."""
        rows = np.empty(len(indices), ROW)
        for place, row in enumerate(self._map(self._analyse, indices)):
            rows[place] = row
        return rows

    def _map(self, load: Callable[[int], _Loaded], indices: IntArray) -> Iterator[_Loaded]:
        if not all(self._paths[i] for i in indices):
            raise DataError(_NO_PIXELS)
        return self._pool.map(load, np.asarray(indices).tolist())

    def _load(self, index: int) -> ImageArray:
        if index in self._kept:
            return self._kept[index]
        image = self._decode(index, self.image_size, self._resize)
        with self._lock:
            if len(self._kept) < self._num_keepable and index not in self._lost:
                self._kept[index] = image
        return image

    def _analyse(self, index: int) -> AnalysisArray:
        if index in self._analyses:
            return self._analyses[index]
        row: AnalysisArray = analyse(self._decode(index, ANALYSIS_SIZE, "stretch")[None])[0]
        with self._lock:
            if len(self._analyses) < self._num_analyses and index not in self._lost:
                self._analyses[index] = row
        return row

    def _decode(self, index: int, image_size: tuple[int, int], resize: Resize) -> ImageArray:
        """Decode a photo; mid-grey if it is, or becomes, lost."""
        if index not in self._lost:
            # Joined as text: this is called for each photo.
            path = os.path.join(self._root, self._paths[index])  # noqa: PTH118
            try:
                data, kept = read_photo(path, was_listed=True), self._keep_truncated
                return load_pixels(data, image_size, resize, kept, scale=self._scale)
            except (PhotoError, MemoryError) as error:
                why = str(error) or "needs more memory than there is"
                with self._lock:
                    self._lost.setdefault(index, why)
        return np.full((*image_size, 3), PAD_COLOUR, np.uint8)


def is_lost(pixels: Pixels, indices: IntArray) -> NDArray[np.bool_]:
    """Return for each photo, after it was read, whether it is lost; shape [N]."""
    lost = pixels.lost
    if not lost:
        return np.zeros(len(indices), np.bool_)
    return np.fromiter((i in lost for i in np.asarray(indices).tolist()), np.bool_, len(indices))


def _too_short(path: Path) -> str:
    return (
        f"The pixels in {path} cannot be read: the file is shorter than it was written.\n"
        f"Remove that folder; the photos will be read again: {path.parent}"
    )
