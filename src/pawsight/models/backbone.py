"""A backbone: a network up to its features as an ONNX file.

One for each (weights, image size) is made and kept in the cache, so that
TensorFlow is needed for it once. The shipped model is its own backbone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pawsight.storage.atomic import plain_name
from pawsight.storage.cache import cache_dir
from pawsight.storage.checksum import file_digest

# Raised whenever the features of the same weights begin to come out otherwise.
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Backbone:
    """A network up to its features."""

    name: str
    image_size: tuple[int, int]  # (height, width) in pixels
    onnx_path: Path  # "images" float32 [N, H, W, 3] 0..255 to "features" float32 [N, F]
    weights_path: Path | None  # the Keras weights it was made from; None for the shipped model
    key: str  # names these weights at this size; the cache keeps features under it

    @property
    def features_dir(self) -> Path:
        """Folder of the cache for the features of photos."""
        return cache_dir("features") / self.key


def backbone_key(name: str, image_size: tuple[int, int], weights: Path) -> str:
    """Return a name for a network with the weights of a file at a size."""
    height, width = image_size
    return f"{plain_name(name)}-{height}x{width}-{file_digest(weights)[:16]}-{_VERSION}"
