"""A backbone: a network up to its features, as an ONNX file.

The cache keeps a backbone for each (weights, image size), so that TensorFlow is
needed only to make it. The shipped model is its own backbone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pawsight.storage.atomic import plain_name
from pawsight.storage.cache import cache_dir
from pawsight.storage.checksum import file_digest

# To be raised whenever pawsight begins to compute other features from the same weights.
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Backbone:
    """A network up to its features."""

    name: str
    image_size: tuple[int, int]  # (height, width) in pixels
    onnx_path: Path  # "images" float32 [N, H, W, 3] 0..255 to "features" float32 [N, F]
    weights_path: Path | None  # the Keras weights it was made from; None for the shipped model
    key: str  # of the weights and the image size; folder name of the features in the cache

    @property
    def features_dir(self) -> Path:
        """Folder in the cache for the features of photos."""
        return cache_dir("features") / self.key


def backbone_key(name: str, image_size: tuple[int, int], weights: Path) -> str:
    """Return a cache key for a network with the weights of a file at an image size."""
    height, width = image_size
    return f"{plain_name(name)}-{height}x{width}-{file_digest(weights)[:16]}-{_VERSION}"
