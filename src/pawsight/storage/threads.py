"""Do many small jobs in threads that wait for a network, and stop at once when told to."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

_TICK_SECONDS = 0.2
_PARTING_SECONDS = 2.0  # for threads that are in the middle of something

Job = TypeVar("Job")


def in_threads(
    work: Callable[[Job], None],
    jobs: Sequence[Job],
    num_threads: int,
    stop: threading.Event,
    tick: Callable[[], None],
) -> Generator[tuple[Job, Exception | None], None, None]:
    """Give each job with the error it ended in, as they end.

    Args:
        work: Does one job.
        jobs: Taken in this order.
        num_threads: At work at a time.
        stop: Set when no more is wanted: at the end, by Ctrl-C, by the caller.
        tick: Called a few times a second in the thread of the caller.
    """
    waiting = iter(jobs)
    taking = threading.Lock()
    ended: queue.SimpleQueue[tuple[Job, Exception | None]] = queue.SimpleQueue()

    def labour() -> None:
        while not stop.is_set():
            with taking:
                job = next(waiting, None)
            if job is None:
                return
            try:
                work(job)
            except Exception as error:  # noqa: BLE001 - the caller judges it
                ended.put((job, error))
            else:
                ended.put((job, None))

    # Daemons: one that waits for a dead server must not keep the process from ending.
    threads = [threading.Thread(target=labour, daemon=True) for _ in range(num_threads)]
    try:
        for thread in threads:
            thread.start()
        for _ in jobs:
            while True:
                tick()
                try:
                    outcome = ended.get(timeout=_TICK_SECONDS)
                except queue.Empty:
                    continue
                break
            yield outcome
        tick()
    finally:
        stop.set()
        until = time.monotonic() + _PARTING_SECONDS
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))
