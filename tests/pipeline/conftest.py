from types import MappingProxyType

import numpy as np
import pytest


class ArrayPixels:
    """Photos held in an array; remembers which were read."""

    lost = MappingProxyType({})
    batches_at_once = 1

    def __init__(self, photos):
        self.photos = photos
        self.image_size = photos.shape[1:3]
        self.reads = []

    def read(self, indices):
        self.reads.append(list(indices))
        return self.photos[indices]


def numbered_photos(count, height=6, width=5):
    """Photo i is filled with the value i, so that a batch tells which photos it holds."""
    photos = np.zeros((count, height, width, 3), np.uint8)
    photos += np.arange(count, dtype=np.uint8)[:, None, None, None]
    return photos


@pytest.fixture
def ten_pixels():
    return ArrayPixels(numbered_photos(10))


@pytest.fixture(scope="session")
def noise():
    """Eight photos of noise, higher than wide, uint8 [8, 19, 14, 3]."""
    return np.random.default_rng(0).integers(0, 256, (8, 19, 14, 3), np.uint8)
