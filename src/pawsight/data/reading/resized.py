"""Pixels at another size than they are kept at."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image

from pawsight.data.reading.store import lost_photos
from pawsight.records import ImageArray, IntArray, Pixels


class ResizedPixels:
    """Photos brought from the size they are kept at to that of a model, as the decoder does it.

    Args:
        pixels: Where the photos are.
        image_size: (height, width) in pixels.
    """

    def __init__(self, pixels: Pixels, image_size: tuple[int, int]) -> None:
        self.image_size = image_size
        self._pixels = pixels

    @property
    def lost(self) -> Mapping[int, str]:
        """The photos that went bad after ingest: why, by catalog index."""
        return lost_photos(self._pixels)

    def read(self, indices: IntArray) -> ImageArray:
        """Give photos by their catalog indices, in the order asked for; see `Pixels.read`."""
        height, width = self.image_size
        images = np.empty((len(indices), height, width, 3), np.uint8)
        for place, kept in enumerate(self._pixels.read(indices)):
            image = Image.fromarray(kept)
            images[place] = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
        return images


def at_size(pixels: Pixels, image_size: tuple[int, int]) -> Pixels:
    """The same pixels at a size; themselves where that is theirs."""
    if tuple(pixels.image_size) == tuple(image_size):
        return pixels
    return ResizedPixels(pixels, image_size)
