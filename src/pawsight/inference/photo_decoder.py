"""Decode photos for a model: many photos in worker processes, few photos in this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence, Sized
from typing import TypeVar

from pawsight.data.pixel_scale import PixelScale
from pawsight.inference.photo_inputs import PhotoLike, file_bytes
from pawsight.machine import num_cpus
from pawsight.records import ImageArray, Resize

# A process takes as long to start as about this many photos take to decode. If a photo crashes the
# decoder, which ends the command, few results are lost.
_MAX_IN_THREADS = 16
# Photos per core in a list. A program may classify many lists, each of which would start processes.
_MAX_LISTED = 64

Photo = TypeVar("Photo")


def listed_if_few(names: Sequence[str], photos: Iterable[Photo]) -> Iterable[Photo]:
    """Return the photos as a list if they are a few files, which are decoded without processes.

    Args:
        names: Files, folders, patterns, or "-", as the user gave them.
        photos: The stream of the photos that they name.
    """
    is_few = len(names) <= _MAX_IN_THREADS and all(map(os.path.isfile, names))
    return list(photos) if is_few else photos


def num_processes_for(photos: object) -> int:
    """Return the number of worker processes for photos: 0 for a short list or a frozen program.

    Args:
        photos: A list; or a stream of any length, or None instead of it.
    """
    is_few = isinstance(photos, Sized) and len(photos) <= _MAX_LISTED * num_cpus()
    # In a frozen program, sys.executable is the program itself, which would start itself endlessly.
    return 0 if is_few or getattr(sys, "frozen", False) else num_cpus()


class PhotoDecoder:
    """Decodes photos to the pixels for a model; any number of threads may use it concurrently.

    Args:
        image_size: (height, width) in pixels.
        resize: How photos are resized to `image_size`.
        scale: Scales values of more than 8 bits to 0..255.
        num_processes: Worker processes that are kept; 0 decodes in the calling thread.
    """

    def __init__(
        self,
        image_size: tuple[int, int],
        resize: Resize,
        scale: PixelScale,
        num_processes: int = 0,
    ) -> None:
        # Imported here, since loading a model and predicting pixels need no decoder.
        from pawsight.inference.decode_processes import DecodeProcesses

        self._image_size, self._resize, self._scale = image_size, resize, scale
        self._processes = DecodeProcesses(num_processes) if num_processes else None

    def decode(self, photo: PhotoLike) -> ImageArray:
        """Decode a photo.

        Returns:
            RGB pixels, uint8 [height, width, 3].

        Raises:
            PhotoError: The photo cannot be decoded, or ended the worker process.
        """
        from pawsight.inference.decode_processes import DecodeRequest, NoProcessError, load

        data = file_bytes(photo)
        request = DecodeRequest(data, self._image_size, self._resize, None, self._scale)
        if self._processes is not None:
            try:
                return self._processes.load_pixels(request)
            except NoProcessError:  # then in this thread
                pass
        return load(request)

    def close(self) -> None:
        """End the worker processes."""
        if self._processes is not None:
            self._processes.close()
