"""Graceful shutdown: answer accepted requests, then end.

After the first SIGTERM or SIGINT, /readyz responds 503 and no more photos are
accepted. When all accepted requests are answered, uvicorn's own handler receives
the signal, closes the connections and ends. The same signal again ends the
process at once.
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

from pawsight.formatting import counted

if TYPE_CHECKING:
    from pawsight.web.service import Service

logger = logging.getLogger(__name__)

STOPPED = 130  # as a shell reports a program that was stopped
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_CHECK_SECONDS = 0.05


@contextlib.asynccontextmanager
async def graceful_shutdown(service: Service) -> AsyncIterator[None]:
    """Handle SIGINT and SIGTERM while the block runs; only the main thread of a process can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before: dict[int, Any] = {number: signal.getsignal(number) for number in _SIGNALS}
    received: set[int] = set()

    def stop(number: int, frame: FrameType | None) -> None:
        if number in received:
            os._exit(STOPPED)
        received.add(number)
        service.is_stopping = True
        if len(received) == 1:
            loop.call_soon_threadsafe(begin, number)

    def begin(number: int) -> None:
        service.draining = loop.create_task(_drain(service, lambda: before[number](number, None)))

    for number in _SIGNALS:
        signal.signal(number, stop)
    yield


async def _drain(service: Service, end: Callable[[], None]) -> None:
    """Stop once all accepted requests are answered, or their timeout is over."""
    until = time.monotonic() + 2 * service.settings.timeout
    if service.num_active:
        logger.info("Stopping after %s.", counted(service.num_active, "active request"))
    while service.num_active and time.monotonic() < until:
        await asyncio.sleep(_CHECK_SECONDS)
    end()
