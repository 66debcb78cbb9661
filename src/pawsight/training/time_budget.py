"""The time a run may take, without the work that is done once for all runs on the same photos."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator


class TimeBudget:
    """How long a run may take, and how much of that is spent.

    Args:
        minutes: All that the run may take; None sets no limit.
        started: `time.monotonic()` from which it counts; None counts from now.
    """

    def __init__(self, minutes: float | None = None, started: float | None = None) -> None:
        self.minutes = minutes
        self._started = time.monotonic() if started is None else started
        self._paused_seconds = 0.0
        self.reserved_seconds = 0.0  # for what comes after the block of `reserved`

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Pause the budget in the block: fetching, reading and comparing photos."""
        before, began = self._paused_seconds, time.monotonic()
        try:
            yield
        finally:  # set, not added to: a pause within this one counts once
            self._paused_seconds = before + time.monotonic() - began

    @contextlib.contextmanager
    def reserved(self, seconds: float) -> Iterator[None]:
        """Keep seconds for what comes after the block: within it so much less is left."""
        self.reserved_seconds += seconds
        try:
            yield
        finally:
            self.reserved_seconds -= seconds

    @property
    def spent_seconds(self) -> float:
        """The seconds since the start, pauses left out."""
        return time.monotonic() - self._started - self._paused_seconds

    @property
    def left_seconds(self) -> float:
        """The seconds that remain, below 0 once they are used up; infinite without a limit."""
        if self.minutes is None:
            return math.inf
        return 60 * self.minutes - self.spent_seconds - self.reserved_seconds
