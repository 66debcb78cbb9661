"""Pixels of photos that are decoded when they are read, by all cores."""

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
from pawsight.data.pixel_scale import STANDARD, PixelScale
from pawsight.errors import DataError, PhotoError
from pawsight.records import AnalysisArray, ImageArray, IntArray, Pixels, Resize

NO_PIXELS = "A photo that could not be read at ingest has no pixels."
_Loaded = TypeVar("_Loaded")
_KEPT_SHARE = 1 / 8  # of the memory: training, the system and a browser need the rest
_ANALYSES_SHARE = 1 / 8  # of what pixels may take, for what is compared of photos


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

    def opener(self, indices: IntArray) -> Callable[[], PixelStream]:
        """Return what opens the pixels of these photos alone, also in another process."""
        paths = [self._paths[i] for i in np.asarray(indices).tolist()]
        facts = (self._root, paths, self.image_size, self._resize)
        return partial(PixelStream, *facts, self._keep_truncated, self._scale)

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
            raise DataError(NO_PIXELS)
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
