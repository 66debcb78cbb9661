"""Time limits for decoding a photo in a thread, equal to those of the worker processes."""

from __future__ import annotations

import threading
import time

from pawsight.data.reading.reader import CLOCK_SECONDS, PROCESSOR_SECONDS


class DecodeTimer:
    """Measures the decoding of a photo; created in the decoding thread, read in another thread."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._since, self._spent_before = time.monotonic(), time.thread_time()

    def timeout_reason(self) -> str:
        """Return the reason to abandon the photo if it takes too long, else ""."""
        spent = time.monotonic() - self._since
        if spent > CLOCK_SECONDS:
            return f"took more than {CLOCK_SECONDS:.0f} seconds to decode"
        # CPU time, so that photos do not fail on a busy machine; not all systems have it.
        if spent > PROCESSOR_SECONDS and hasattr(time, "pthread_getcpuclockid"):
            clock = time.pthread_getcpuclockid(self._thread)
            if time.clock_gettime(clock) - self._spent_before > PROCESSOR_SECONDS:
                return f"took more than {PROCESSOR_SECONDS:.0f} seconds to decode"
        return ""
