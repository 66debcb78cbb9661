"""The time that is spent on photos once, however often they are trained on."""

from __future__ import annotations

import time

from pawsight.progress import Progress

# Told of in every run. The other stages before training are told of only where there is
# something to unpack, read or compare for the first time.
_EVERY_TIME = "Looking for photos"


class FirstLook:
    """Passes all news on, and keeps the time of first looks apart from that of a budget.

    Args:
        progress: Where the news go.
        started: `time.monotonic()` from which the budget counts.
    """

    def __init__(self, progress: Progress, started: float) -> None:
        self._progress = progress
        self._started = started
        self._free_seconds = 0.0
        self._free_since: float | None = None

    def charged_since(self) -> float:
        """End the last first look; the `time.monotonic()` from which all time is charged."""
        self._end()
        return self._started + self._free_seconds

    def start(self, task: str, total: int | None = None, unit: str = "") -> None:
        """Passed on."""
        self._end()
        self._free_since = None if task == _EVERY_TIME else time.monotonic()
        self._progress.start(task, total, unit)

    def advance(self, done: int, **facts: float | str) -> None:
        """Passed on."""
        self._progress.advance(done, **facts)

    def note(self, text: str) -> None:
        """Passed on."""
        self._progress.note(text)

    def _end(self) -> None:
        if self._free_since is not None:
            self._free_seconds += time.monotonic() - self._free_since
            self._free_since = None
