"""The pixels of photos that are decoded on all cores each time they are read."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pawsight import machine
from pawsight.data.decoding.analysis import ANALYSIS_SIZE, ROW, analyse
from pawsight.data.decoding.decode import PAD_COLOUR, load_pixels, read_photo
from pawsight.data.decoding.decode_errors import NO_MEMORY
from pawsight.data.pixel_scale import STANDARD, PixelScale
from pawsight.errors import DataError, PhotoError
from pawsight.records import AnalysisArray, ImageArray, IntArray, Pixels, Resize

NO_PIXELS = "A photo that could not be read at ingest has no pixels."
_Loaded = TypeVar("_Loaded")
_MEMORY_SHARE = 1 / 8  # of the machine's memory: training, the system and a browser need the rest
_ANALYSES_SHARE = 1 / 8  # of the memory for pixels; used in addition to it


class PixelStream:
    """Pixels that are decoded on all cores when they are read.

    The first decoded photos are kept in memory, as many as fit, so that they are not
    decoded again in the next epoch.

    A photo that could be read at ingest and can no longer be read becomes mid-grey. It stays
    `lost` as long as the stream exists: otherwise every epoch would wait for it again, on an
    unreliable drive.

    Args:
        root: The folder that the paths are relative to.
        paths: The path of each photo of the catalog, "" for photos without pixels.
        image_size: (height, width) in pixels.
        resize: How a photo of another shape is resized.
        keep_truncated: Whether JPEGs whose end is missing are used, as at ingest.
        scale: Scales values of more than 8 bits to 0..255.
        memory_bytes: Memory for decoded photos; None is an eighth of the machine's memory.
    """

    batches_at_once = 2  # no core idles while the last photos of a batch are decoded

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
            memory_bytes = (machine.memory() or 0) * _MEMORY_SHARE
        self._max_kept = int(memory_bytes // (image_size[0] * image_size[1] * 3))
        self._kept: dict[int, ImageArray] = {}
        self._max_analyses = int(memory_bytes * _ANALYSES_SHARE // ROW.itemsize)
        self._analyses: dict[int, AnalysisArray] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="pawsight-stream")

    def opener(self, indices: IntArray) -> Callable[[], PixelStream]:
        """Return a picklable function that opens the pixels of these photos only."""
        paths = [self._paths[i] for i in np.asarray(indices).tolist()]
        arguments = (self._root, paths, self.image_size, self._resize)
        return partial(PixelStream, *arguments, self._keep_truncated, self._scale)

    @property
    def lost(self) -> Mapping[int, str]:
        """The photos that can no longer be read: the reason by catalog index."""
        return self._lost

    def read(self, indices: IntArray) -> ImageArray:
        """Return photos by their catalog indices; see `Pixels.read`.

        Raises:
            DataError: One of the photos could not be read at ingest.
        """
        images = np.empty((len(indices), *self.image_size, 3), np.uint8)
        for i, image in enumerate(self._map(self._load, indices)):
            images[i] = image
        return images

    def analysis(self, indices: IntArray) -> AnalysisArray:
        """Return the analyses of photos, shape [N]; raises the errors of `read`."""
        rows = np.empty(len(indices), ROW)
        for i, row in enumerate(self._map(self._analyse, indices)):
            rows[i] = row
        return rows

    def _map(self, load: Callable[[int], _Loaded], indices: IntArray) -> Iterator[_Loaded]:
        if not all(self._paths[i] for i in indices):
            raise DataError(NO_PIXELS)
        return self._pool.map(load, np.asarray(indices).tolist())

    def _load(self, index: int) -> ImageArray:
        if index in self._kept:
            return self._kept[index]
        image = self._decode(index, self.image_size, self._resize)
        with self._lock:
            if len(self._kept) < self._max_kept and index not in self._lost:
                self._kept[index] = image
        return image

    def _analyse(self, index: int) -> AnalysisArray:
        if index in self._analyses:
            return self._analyses[index]
        row: AnalysisArray = analyse(self._decode(index, ANALYSIS_SIZE, "stretch")[None])[0]
        with self._lock:
            if len(self._analyses) < self._max_analyses and index not in self._lost:
                self._analyses[index] = row
        return row

    def _decode(self, index: int, image_size: tuple[int, int], resize: Resize) -> ImageArray:
        """Decode a photo; return mid-grey if it is, or becomes, lost."""
        if index not in self._lost:
            path = os.path.join(self._root, self._paths[index])  # noqa: PTH118 - for each photo
            try:
                data = read_photo(path, was_listed=True)
                return load_pixels(
                    data, image_size, resize, self._keep_truncated, scale=self._scale
                )
            except (PhotoError, MemoryError) as error:
                with self._lock:
                    self._lost.setdefault(index, str(error) or NO_MEMORY)
        return np.full((*image_size, 3), PAD_COLOUR, np.uint8)


def is_lost(pixels: Pixels, indices: IntArray) -> NDArray[np.bool_]:
    """Return whether each photo is lost, shape [N]; for photos that were read before."""
    lost = pixels.lost
    if not lost:
        return np.zeros(len(indices), np.bool_)
    return np.fromiter((i in lost for i in np.asarray(indices).tolist()), np.bool_, len(indices))
