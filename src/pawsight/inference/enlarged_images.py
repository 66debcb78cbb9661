"""Enlarge small images, so that the built-in network finds what is unlike a training set.

The features of images much smaller than those that the network was trained on tell little of what
is on them, even where the enlarged image has no more detail: benchmarks/none_of_these/LOG.md.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from pawsight.models import builtin
from pawsight.records import FloatArray

NUM_PIXELS = math.prod(builtin.IMAGE_SIZE)  # that smaller images are enlarged to


def enlarged_size(image_size: tuple[int, int]) -> tuple[int, int]:
    """Return the (height, width) that images are enlarged to, in their proportions."""
    height, width = image_size
    factor = max(1.0, math.sqrt(NUM_PIXELS / (height * width)))
    return round(height * factor), round(width * factor)


def enlarge(images: FloatArray) -> FloatArray:
    """Enlarge images to `enlarged_size`, by linear interpolation.

    Args:
        images: float32, shape [N, H, W, 3].
    """
    height, width = enlarged_size((images.shape[1], images.shape[2]))
    if (height, width) == images.shape[1:3]:
        return images
    found = np.empty((len(images), height, width, 3), np.float32)
    for image, target in zip(images, found, strict=True):
        for channel in range(3):
            plane = Image.fromarray(np.ascontiguousarray(image[..., channel]))
            resized = plane.resize((width, height), Image.Resampling.BILINEAR)
            target[..., channel] = np.asarray(resized)
    return found


def features_key(image_size: tuple[int, int]) -> str:
    """Return what features of images of this (height, width) depend on besides the images."""
    height, width = enlarged_size(image_size)
    return f"{builtin.digest()}-{height}x{width}"
