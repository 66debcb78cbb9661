"""Stop as asked: say so, finish what was taken, then end.

At the first SIGTERM or Ctrl-C the process says at /readyz that it is not ready any
more and takes no more photos; when all that it took is answered, uvicorn, which
had the signal before, gets it, closes the connections and ends. The same signal
again ends the process at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pawsight.web.service import Service

logger = logging.getLogger(__name__)

STOPPED = 130  # as a shell reports a program that was stopped
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LOOK_SECONDS = 0.05


@contextlib.asynccontextmanager
async def stops_gracefully(service: Service) -> AsyncIterator[None]:
    """Take the signals while the block runs; only the main thread of a process can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before: dict[int, Any] = {number: signal.getsignal(number) for number in _SIGNALS}
    seen: set[int] = set()

    def stop(number: int, frame: FrameType | None) -> None:
        if number in seen:
            os._exit(STOPPED)
        seen.add(number)
        service.is_stopping = True
        if len(seen) == 1:
            loop.call_soon_threadsafe(begin, number)

    def begin(number: int) -> None:
        service.draining = loop.create_task(_drain(service, lambda: before[number](number, None)))

    for number in _SIGNALS:
        signal.signal(number, stop)
    yield


async def _drain(service: Service, end: Callable[[], None]) -> None:
    """Wait until everything that was taken is answered, but no longer than that may take."""
    until = time.monotonic() + 2 * service.settings.timeout
    if service.num_active:
        logger.info("Stopping: %d request(s) are answered first.", service.num_active)
    while service.num_active and time.monotonic() < until:
        await asyncio.sleep(_LOOK_SECONDS)
    end()
