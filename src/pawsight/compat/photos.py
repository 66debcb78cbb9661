"""Photos from files, decoded once and kept in memory; unreadable photos are replaced."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from PIL import Image

from pawsight import machine
from pawsight.compat.legacy_errors import NoPhotoError, SettingError
from pawsight.data.decoding.decode import decode, read_photo
from pawsight.errors import PhotoError
from pawsight.records import ImageArray, IntArray

MODES = {"rgb": "RGB", "rgba": "RGBA", "grayscale": "L"}
NUM_CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}
_KEPT_SHARE = 1 / 8  # of the memory, as in PixelStream


class Photos:
    """Files of photos, read when they are first needed.

    Args:
        paths: The paths of the files.
        target_size: (height, width) in pixels.
        color_mode: "rgb", "rgba" or "grayscale".
        interpolation: The name of one of Pillow's resampling filters.
        keep_aspect_ratio: Crop the longer side instead of stretching.

    Raises:
        SettingError: There is no such resampling filter.
    """

    def __init__(
        self,
        paths: Sequence[str],
        target_size: tuple[int, int],
        color_mode: str,
        interpolation: str,
        keep_aspect_ratio: bool,
    ) -> None:
        filters = {choice.name.lower(): choice for choice in Image.Resampling}
        if interpolation not in filters:
            raise SettingError(
                f"interpolation must be one of {', '.join(filters)}, not {interpolation!r}."
            )
        self._paths = paths
        self._height, self._width = target_size
        self._mode = MODES[color_mode]
        self._filter = filters[interpolation]
        self._keep_aspect_ratio = keep_aspect_ratio
        self._kept: dict[int, ImageArray] = {}
        self._broken: set[int] = set()
        size = self._height * self._width * NUM_CHANNELS[color_mode]
        self._num_keepable = int((machine.memory() or 0) * _KEPT_SHARE // size)

    def read(self, indices: IntArray) -> tuple[ImageArray, IntArray]:
        """Return photos; a photo that cannot be read is replaced by another.

        Args:
            indices: The indices of the photos, shape [B].

        Returns:
            Pixels, shape [B, H, W, C], and the indices of the photos shown, shape [B].

        Raises:
            NoPhotoError: None of the photos can be used.
        """
        shown = [self._shown(int(index)) for index in indices]
        return np.stack([pixels for pixels, _ in shown]), np.array([index for _, index in shown])

    def _shown(self, index: int) -> tuple[ImageArray, int]:
        """Return a photo, or the next readable one in file order, usually of the same class."""
        for other in (*range(index, len(self._paths)), *range(index)):
            if other in self._broken:
                continue
            try:
                return self._pixels(other), other
            except PhotoError as error:
                self._broken.add(other)
                warnings.warn(
                    f"{self._paths[other]} is left out: {error}. "
                    f"The next good photo is shown in its place.",
                    stacklevel=2,
                )
        raise NoPhotoError(
            f"No photo can be used; see the warnings above.\nThe first is {self._paths[0]}."
        )

    def _pixels(self, index: int) -> ImageArray:
        if index in self._kept:
            return self._kept[index]
        image = decode(read_photo(self._paths[index])).convert(self._mode)
        if image.size != (self._width, self._height):
            box = self._box(image.size) if self._keep_aspect_ratio else None
            image = image.resize((self._width, self._height), self._filter, box=box)
        pixels = np.asarray(image).reshape(self._height, self._width, -1)
        if len(self._kept) < self._num_keepable:
            self._kept[index] = pixels
        return pixels

    def _box(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return the centre crop of the target's aspect ratio: left, top, right, bottom."""
        width, height = size
        wide = min(width, height * self._width // self._height)
        high = min(height, width * self._height // self._width)
        left, top = (width - wide) // 2, (height - high) // 2
        return left, top, left + wide, top + high
