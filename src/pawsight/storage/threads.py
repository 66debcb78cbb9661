"""Run many small network-bound jobs in threads that can be stopped early."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

_TICK_SECONDS = 0.2
_JOIN_SECONDS = 2.0  # how long to wait for threads that still run a job

Job = TypeVar("Job")


def map_in_threads(
    work: Callable[[Job], None],
    jobs: Sequence[Job],
    num_threads: int,
    stop: threading.Event,
    tick: Callable[[], None],
) -> Generator[tuple[Job, Exception | None], None, None]:
    """Run jobs in threads; yield each job, when it has ended, with its error or None.

    Args:
        work: Processes one job.
        jobs: The jobs, started in this order.
        num_threads: How many jobs run at a time.
        stop: No job starts once this is set: by the caller, or here when the generator ends.
        tick: Called a few times a second in the thread of the caller.
    """
    waiting = iter(jobs)
    lock = threading.Lock()
    ended: queue.SimpleQueue[tuple[Job, Exception | None]] = queue.SimpleQueue()

    def run_jobs() -> None:
        while not stop.is_set():
            with lock:
                job = next(waiting, None)
            if job is None:
                return
            try:
                work(job)
            except Exception as error:  # noqa: BLE001 - the caller handles it
                ended.put((job, error))
            else:
                ended.put((job, None))

    # Daemon threads, since a thread that waits for a dead server must not keep the process alive.
    threads = [threading.Thread(target=run_jobs, daemon=True) for _ in range(num_threads)]
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
        until = time.monotonic() + _JOIN_SECONDS
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))
