"""The time limit of a run, without the work that is done once for all runs on the same photos."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator


class TimeBudget:
    """The time limit of a run, and the time spent.

    Args:
        minutes: The limit; None sets no limit.
        started: `time.monotonic()` at the start of the run; None is now.
    """

    def __init__(self, minutes: float | None = None, started: float | None = None) -> None:
        self.minutes = minutes
        self._started = time.monotonic() if started is None else started
        self._paused_seconds = 0.0
        self.reserved_seconds = 0.0  # see `reserved`

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Pause the budget in the block, while photos are fetched, read or compared."""
        before, began = self._paused_seconds, time.monotonic()
        try:
            yield
        finally:  # assigned, not added, so that a nested pause counts once
            self._paused_seconds = before + time.monotonic() - began

    @contextlib.contextmanager
    def reserved(self, seconds: float) -> Iterator[None]:
        """Reserve seconds for the time after the block; within the block they are not left."""
        self.reserved_seconds += seconds
        try:
            yield
        finally:
            self.reserved_seconds -= seconds

    @property
    def spent_seconds(self) -> float:
        """The seconds since the start, without pauses."""
        return time.monotonic() - self._started - self._paused_seconds

    @property
    def left_seconds(self) -> float:
        """The remaining seconds, below 0 after the limit; infinite without a limit."""
        if self.minutes is None:
            return math.inf
        return 60 * self.minutes - self.spent_seconds - self.reserved_seconds
