"""Report photos that can no longer be read, for example because a drive is unplugged."""

from __future__ import annotations

import logging
import threading

from pawsight.data.catalog import Catalog
from pawsight.progress import Progress
from pawsight.records import ImageArray, IntArray, Pixels, WrappedPixels

_log = logging.getLogger(__name__)
_MAX_NAMED = 10  # photos that are named; beyond that, notes at 20, 30 ... state their number


class LostPhotosReported:
    """A `Progress` that forwards all calls, and adds a note for each photo that is lost."""

    def __init__(self, progress: Progress, catalog: Catalog, pixels: Pixels) -> None:
        self._progress = progress
        self.start, self.note = progress.start, progress.note
        self._photos = catalog.photos
        self._pixels = pixels
        self._num_reported = 0

    def advance(self, done: int, **facts: float | str) -> None:
        """Forward the call, and report the photos lost since the last call."""
        self._progress.advance(done, **facts)
        # A copy of the keys, since the threads that read may add keys.
        for index in list(self._pixels.lost)[self._num_reported :]:
            self._num_reported += 1
            self._report(index)

    def _report(self, index: int) -> None:
        number = self._num_reported
        if number <= _MAX_NAMED:
            path, reason = self._photos[index].path, self._pixels.lost[index]
            self._progress.note(f"{path} can no longer be read and is skipped: {reason}")
        elif set(str(number)[1:]) == {"0"}:  # 20, 30, ... 100, 200, ...
            self._progress.note(f"{number:,} photos can no longer be read and are skipped.")


class LostPhotosLogged(WrappedPixels):
    """Pixels that log a warning for each lost photo, for callers without a `Progress`."""

    def __init__(self, pixels: Pixels, catalog: Catalog) -> None:
        super().__init__(pixels)
        self._catalog = catalog
        self._num_logged = 0
        self._lock = threading.Lock()

    def read(self, indices: IntArray) -> ImageArray:
        """Return photos by their catalog indices; see `Pixels.read`."""
        images = self._pixels.read(indices)
        with self._lock:
            for index in list(self.lost)[self._num_logged :]:
                self._num_logged += 1
                path = self._catalog.root / self._catalog.photos[index].path
                _log.warning("%s can no longer be read; skipped: %s", path, self.lost[index])
        return images


def lost_rows(pixels: Pixels, catalog: Catalog) -> list[dict[str, str]]:
    """Return path and problem of each lost photo, for JSON, in the order of the catalog."""
    return [
        {"path": catalog.photos[index].path, "problem": problem}
        for index, problem in sorted(pixels.lost.items())
    ]
