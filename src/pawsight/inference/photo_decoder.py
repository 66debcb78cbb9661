"""Decode photos for a model: many in worker processes, which a photo may end, few in this one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence, Sized
from typing import TypeVar

from pawsight.data.pixel_scale import PixelScale
from pawsight.inference.photo_inputs import PhotoLike, file_bytes
from pawsight.machine import num_cpus
from pawsight.records import ImageArray, Resize

# A process takes as long to start as about this many photos take to decode. A decoder that crashes
# on one of so few ends the command, and loses next to nothing.
_MAX_IN_THREADS = 16
# A program may classify list after list, and each would start its processes again.
_MAX_LISTED = 64  # for each process

Photo = TypeVar("Photo")


def listed_if_few(names: Sequence[str], photos: Iterable[Photo]) -> Iterable[Photo]:
    """Return the photos that were named as a list if they are a few files, which starts no process.

    Args:
        names: Files, folders, patterns, or "-", as the user gave them.
        photos: The photos that are named by them, a stream.
    """
    is_few = len(names) <= _MAX_IN_THREADS and all(map(os.path.isfile, names))
    return list(photos) if is_few else photos


def num_processes_for(photos: object) -> int:
    """Return how many worker processes decode photos: none for a short list or a frozen program.

    Args:
        photos: A list, or a stream of any length; None is such a stream.
    """
    is_few = isinstance(photos, Sized) and len(photos) <= _MAX_LISTED * num_cpus()
    # There sys.executable is the program itself, which would start itself again and again.
    return 0 if is_few or getattr(sys, "frozen", False) else num_cpus()


class PhotoDecoder:
    """Decodes photos to the pixels that a model takes; any number of threads may use it at once.

    Args:
        image_size: (height, width) in pixels.
        resize: How a photo of another shape is resized.
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
        # Imported here: loading a model, or predicting pixels, needs no decoder.
        from pawsight.inference.decode_processes import DecodeProcesses

        self._image_size, self._resize, self._scale = image_size, resize, scale
        self._processes = DecodeProcesses(num_processes) if num_processes else None

    def decode(self, photo: PhotoLike) -> ImageArray:
        """Decode a photo.

        Returns:
            RGB pixels, shape [height, width, 3].

        Raises:
            PhotoError: It cannot be decoded, or ended the process that tried.
        """
        from pawsight.inference.decode_processes import DecodeRequest, NoProcessError, load

        data = file_bytes(photo)
        request = DecodeRequest(data, self._image_size, self._resize, None, self._scale)
        if self._processes is not None:
            try:
                return self._processes.load_pixels(request)
            except NoProcessError:  # the system allows no more
                pass
        return load(request)

    def close(self) -> None:
        """End the processes."""
        if self._processes is not None:
            self._processes.close()
