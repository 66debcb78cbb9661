"""Pixels at another size than they are stored at."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image

from pawsight.data.reading.store import PixelStore
from pawsight.data.reading.stream import PixelStream
from pawsight.records import ImageArray, IntArray, Pixels, WrappedPixels


class ResizedPixels(WrappedPixels):
    """Photos resized from the stored size to the size of a model, as the decoder resizes."""

    def __init__(self, pixels: Pixels, image_size: tuple[int, int]) -> None:
        super().__init__(pixels)
        self._image_size = image_size

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self._image_size

    def opener(self, indices: IntArray) -> Callable[[], Pixels] | None:
        """Return a function that opens the pixels of these photos only; see `opener`."""
        open_pixels = opener(self._pixels, indices)
        return None if open_pixels is None else partial(_open, open_pixels, self.image_size)

    def read(self, indices: IntArray) -> ImageArray:
        """Return photos by their catalog indices; see `Pixels.read`."""
        height, width = self.image_size
        images = np.empty((len(indices), height, width, 3), np.uint8)
        for i, stored in enumerate(self._pixels.read(indices)):
            image = Image.fromarray(stored)
            images[i] = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
        return images


def opener(pixels: Pixels, indices: IntArray) -> Callable[[], Pixels] | None:
    """Return a picklable function that opens the pixels of these photos only.

    Returns:
        The function; None if another process cannot open the pixels.
    """
    if isinstance(pixels, ResizedPixels):
        return pixels.opener(indices)
    return pixels.opener(indices) if isinstance(pixels, PixelStore | PixelStream) else None


def _open(open_pixels: Callable[[], Pixels], image_size: tuple[int, int]) -> ResizedPixels:
    return ResizedPixels(open_pixels(), image_size)


def at_size(pixels: Pixels, image_size: tuple[int, int]) -> Pixels:
    """Return photos at (height, width) pixels; `pixels` itself if they have that size."""
    if tuple(pixels.image_size) == tuple(image_size):
        return pixels
    return ResizedPixels(pixels, image_size)
