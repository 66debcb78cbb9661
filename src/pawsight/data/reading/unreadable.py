"""Tell of photos that went bad after they were read, such as when a drive is unplugged."""

from __future__ import annotations

from pawsight.data.catalog import Catalog
from pawsight.data.reading.store import PixelStream, lost_photos
from pawsight.progress import Progress
from pawsight.records import Pixels

_NAMED = 10  # one by one; after that only how many, at round numbers


class TellsOfLost:
    """Passes all news on, and tells of each photo that a stream has lost meanwhile.

    Args:
        progress: Is told.
        pixels: Where the photos are read from; its own warnings end.
        catalog: Their names.
    """

    def __init__(self, progress: Progress, pixels: Pixels, catalog: Catalog) -> None:
        self._progress = progress
        self._lost = lost_photos(pixels)
        self._photos = catalog.photos
        if isinstance(pixels, PixelStream):
            pixels.warns = False
        # What was lost in an earlier stage was told of there.
        self._num_told = len(self._lost)

    def start(self, task: str, total: int | None = None, unit: str = "") -> None:
        """Passed on."""
        self._progress.start(task, total, unit)

    def advance(self, done: int, **facts: float | str) -> None:
        """Passed on; photos lost since the last time are told of."""
        self._progress.advance(done, **facts)
        if len(self._lost) > self._num_told:
            # A copy of the keys: the threads that read may add to them.
            for number, index in enumerate(list(self._lost)[self._num_told :], self._num_told + 1):
                self._tell(number, index)
                self._num_told = number

    def note(self, text: str) -> None:
        """Passed on."""
        self._progress.note(text)

    def _tell(self, number: int, index: int) -> None:
        if number <= _NAMED:
            path, why = self._photos[index].path, self._lost[index]
            self._progress.note(f"{path} has gone bad since it was read and is skipped: {why}")
        elif set(str(number)[1:]) == {"0"}:  # 20, 30, ... 100, 200, ...
            self._progress.note(f"{number:,} photos have gone bad by now and are skipped.")


def lost_rows(pixels: Pixels, catalog: Catalog) -> list[dict[str, str]]:
    """Give path and problem of each photo that went bad, JSON-ready, in the catalog's order."""
    return [
        {"path": catalog.photos[index].path, "problem": why}
        for index, why in sorted(lost_photos(pixels).items())
    ]
