"""Whether a thread has been at one photo for too long.

A thread cannot be ended, only left to itself; that is done after the time at
which ingest ends a process.
"""

from __future__ import annotations

import threading
import time

from pawsight.data.reading.reader import CLOCK_SECONDS, PROCESSOR_SECONDS


class Stopwatch:
    """Started by the thread that begins with a photo, and read by another one."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._since, self._spent_before = time.monotonic(), time.thread_time()

    def complaint(self) -> str:
        """Say what to tell of the photo if it takes too long, else ""."""
        spent = time.monotonic() - self._since
        if spent > CLOCK_SECONDS:
            return f"took more than {CLOCK_SECONDS:.0f} seconds to decode"
        # Of the processor's time, so that a busy machine blames no photo; not every system tells.
        if spent > PROCESSOR_SECONDS and hasattr(time, "pthread_getcpuclockid"):
            clock = time.pthread_getcpuclockid(self._thread)
            if time.clock_gettime(clock) - self._spent_before > PROCESSOR_SECONDS:
                return f"took more than {PROCESSOR_SECONDS:.0f} seconds to decode"
        return ""
