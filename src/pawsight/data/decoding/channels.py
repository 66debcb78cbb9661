"""Arithmetic over the channels of RGB images, stored as one contiguous plane per channel.

On planes, it is several times faster than on interleaved channels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pawsight.records import ImageArray


def planes_of(images: ImageArray) -> ImageArray:
    """Copy images to one plane per channel: shape [N, H, W, 3] to [3, N, H, W]."""
    return np.ascontiguousarray(np.moveaxis(images, -1, 0))


def luma_of_planes(planes: ImageArray) -> NDArray[np.uint16]:
    """Compute the luma, 0..255, rounded down: shape [3, N, H, W] to [N, H, W]."""
    red, green, blue = planes.astype(np.uint16)
    return np.asarray((77 * red + 150 * green + 29 * blue) >> 8)


def largest_difference(a: ImageArray, b: ImageArray) -> ImageArray:
    """Compute the largest difference in any channel: shape [3, N, H, W] to [N, H, W]."""
    red, green, blue = np.maximum(a, b) - np.minimum(a, b)
    return np.asarray(np.maximum(np.maximum(red, green), blue))
