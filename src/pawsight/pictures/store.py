"""Where training gets its pixels: a memory-mapped file, or the photos themselves.

Both kinds give the same pixels for the same photo, by the same indices, so
what reads them need not know which one it has.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from pawsight.errors import DataError, DiskError, PhotoError
from pawsight.pictures.decode import PAD_COLOUR, load_pixels, read_photo
from pawsight.records import ImageArray, IntArray, Pixels, Resize

__all__ = ["PixelStore", "PixelStream", "Pixels"]

_log = logging.getLogger(__name__)
_NO_PIXELS = "Pixels were asked for of a photo that could not be read at ingest."


class PixelStore:
    """Pixels in one file of rows, mapped into memory; any thread may read.

    Args:
        path: The file.
        image_size: (height, width) in pixels.
        rows: The row of each photo of the catalog, -1 where it has none.

    Raises:
        DiskError: The file cannot be mapped.
    """

    def __init__(self, path: Path, image_size: tuple[int, int], rows: IntArray) -> None:
        self.image_size = image_size
        self.path = path
        self._rows = rows
        shape = (int(rows.max(initial=-1)) + 1, *image_size, 3)
        if shape[0] == 0:  # nothing to map
            self._images: ImageArray = np.zeros(shape, np.uint8)
            return
        try:
            # A plain array over the map: indexing a memmap object costs more.
            self._images = np.asarray(np.memmap(path, np.uint8, mode="r", shape=shape))
        except (OSError, ValueError) as error:
            raise DiskError(f"The pixels in {path} cannot be read: {error}.") from error

    def read(self, indices: IntArray) -> ImageArray:
        """Give photos by their catalog indices, in the order asked for; see `Pixels.read`.

        Raises:
            DataError: One of them is a photo that could not be read at ingest.
        """
        rows = self._rows[indices]
        if (rows < 0).any():
            raise DataError(_NO_PIXELS)
        return self._images.take(rows, axis=0)


class PixelStream:
    """Pixels decoded when they are asked for, by all cores; any thread may read.

    A photo that was sound at ingest and is so no longer comes out mid-grey, with
    one warning in the log, and is counted: training goes on.

    Args:
        root: The folder that the paths are relative to.
        paths: Path of each photo of the catalog, "" where it has no pixels.
        image_size: (height, width) in pixels.
        resize: How a photo of another shape is brought there.
    """

    def __init__(
        self, root: Path, paths: Sequence[str], image_size: tuple[int, int], resize: Resize
    ) -> None:
        self.image_size = image_size
        self._root = root
        self._paths = paths
        self._resize: Resize = resize
        self._lost: set[int] = set()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="pawsight-stream")

    @property
    def num_lost(self) -> int:
        """How many photos went bad after ingest."""
        return len(self._lost)

    def read(self, indices: IntArray) -> ImageArray:
        """Give photos by their catalog indices, in the order asked for; see `Pixels.read`.

        Raises:
            DataError: One of them is a photo that could not be read at ingest.
        """
        if not all(self._paths[i] for i in indices):
            raise DataError(_NO_PIXELS)
        images = np.empty((len(indices), *self.image_size, 3), np.uint8)
        for place, image in enumerate(self._pool.map(self._load, indices)):
            images[place] = image
        return images

    def _load(self, index: int) -> ImageArray:
        path = os.path.join(self._root, self._paths[index])  # noqa: PTH118 - called for each photo
        try:
            return load_pixels(read_photo(path), self.image_size, self._resize)
        except PhotoError as error:
            with self._lock:
                if index not in self._lost:
                    self._lost.add(int(index))
                    _log.warning("%s has gone bad since it was read: %s", path, error)
            return np.full((*self.image_size, 3), PAD_COLOUR, np.uint8)
