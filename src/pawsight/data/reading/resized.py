"""Pixels at another size than they are kept at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from PIL import Image

from pawsight.data.reading.store import PixelStore
from pawsight.data.reading.stream import PixelStream
from pawsight.records import AnalysisArray, ImageArray, IntArray, Pixels


class ResizedPixels:
    """Photos resized from the size they are stored at to a model's, as the decoder does it."""

    def __init__(self, pixels: Pixels, image_size: tuple[int, int]) -> None:
        self.image_size = image_size
        self._pixels = pixels

    @property
    def lost(self) -> Mapping[int, str]:
        """Why each photo that can no longer be read cannot, by catalog index."""
        return self._pixels.lost

    @property
    def batches_at_once(self) -> int:
        """How many batches to read at a time, at least 1."""
        return self._pixels.batches_at_once

    def opener(self, indices: IntArray) -> Callable[[], Pixels] | None:
        """Return what opens the pixels of these photos alone; see `opener`."""
        found = opener(self._pixels, indices)
        return None if found is None else partial(_open, found, self.image_size)

    def read(self, indices: IntArray) -> ImageArray:
        """Return photos by their catalog indices; see `Pixels.read`."""
        height, width = self.image_size
        images = np.empty((len(indices), height, width, 3), np.uint8)
        for place, kept in enumerate(self._pixels.read(indices)):
            image = Image.fromarray(kept)
            images[place] = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
        return images

    def analysis(self, indices: IntArray) -> AnalysisArray:
        """Return what is compared of photos; it does not depend on the size."""
        return self._pixels.analysis(indices)


def opener(pixels: Pixels, indices: IntArray) -> Callable[[], Pixels] | None:
    """Return what opens the pixels of these photos alone in another process; None: nothing does."""
    if isinstance(pixels, ResizedPixels):
        return pixels.opener(indices)
    return pixels.opener(indices) if isinstance(pixels, PixelStore | PixelStream) else None


def _open(open_pixels: Callable[[], Pixels], image_size: tuple[int, int]) -> ResizedPixels:
    return ResizedPixels(open_pixels(), image_size)


def at_size(pixels: Pixels, image_size: tuple[int, int]) -> Pixels:
    """Return the same photos at (height, width) pixels; `pixels` itself where it has that size."""
    if tuple(pixels.image_size) == tuple(image_size):
        return pixels
    return ResizedPixels(pixels, image_size)
