"""Photos that the tests of training learn from."""

from types import MappingProxyType

import numpy as np


class Squares:
    """Noisy squares, every other one of class 1, which have a bright upper half."""

    lost = MappingProxyType({})
    batches_at_once = 1

    def __init__(self, num_photos: int = 120, side: int = 24) -> None:
        self.image_size = (side, side)
        random = np.random.default_rng(0)
        self.labels = np.arange(num_photos) % 2
        self.images = random.integers(0, 160, (num_photos, side, side, 3), dtype=np.uint8)
        self.images[self.labels == 1, : side // 2] += 90

    def read(self, indices):
        return self.images[indices]
