"""A pool of threads that decode photos and run the model on them.

Each thread decodes a few waiting photos and runs the model on them together, without
waiting for a full batch. A Python thread cannot be killed: if a photo takes too long to
decode, its thread is abandoned and replaced by a new thread, and the photo fails.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from typing import Any

from pawsight.data.decoding.decode_errors import NO_MEMORY
from pawsight.errors import PhotoError
from pawsight.inference.decode_timeout import DecodeTimer


class Job:
    """A photo to decode and run the model on; `future` receives the result.

    Args:
        group: Jobs with equal groups may be run together.
        decode: Returns the input of `run`, or raises PhotoError.
        run: Returns a result for each decoded photo, in order.
        weight: Number of photos that the job counts as in `DecodePool.num_waiting`.
        is_large: Whether decoding may take long. Separate threads take such jobs, one at a
            time, so that they do not delay other jobs.
    """

    __slots__ = ("decode", "future", "group", "is_large", "run", "weight")

    def __init__(
        self,
        group: Hashable,
        decode: Callable[[], Any],
        run: Callable[[list[Any]], Sequence[Any]],
        weight: int = 1,
        is_large: bool = False,
    ) -> None:
        self.group, self.decode, self.run, self.weight = group, decode, run, weight
        self.is_large = is_large
        self.future: Future[Any] = Future()


class DecodePool:
    """Worker threads and their queue.

    Args:
        num_threads: Threads for jobs that are not large, at least 1.
        batch_size: Photos that a thread takes at a time, at least 1.
        on_batch: Called in a worker with the number of photos of each call of the model.
        num_large: Additional threads for large jobs; 0 makes no distinction.
    """

    def __init__(
        self,
        num_threads: int,
        batch_size: int,
        on_batch: Callable[[int], object] = bool,
        num_large: int = 0,
    ) -> None:
        self._num_threads, self._num_large = num_threads, num_large
        self._batch_size, self.on_batch = batch_size, on_batch
        self._lock = threading.Lock()  # for everything below
        # Two queues: of large jobs (True), and of all other jobs.
        self._changed = {is_large: threading.Condition(self._lock) for is_large in (False, True)}
        self._waiting: dict[bool, deque[Job]] = {False: deque(), True: deque()}
        self._is_closed = False
        with self._lock:
            self._workers = [
                _Worker(self, i >= num_threads) for i in range(num_threads + num_large)
            ]
            for worker in self._workers:
                worker.start()

    @property
    def num_waiting(self) -> int:
        """Number of photos that no thread has taken yet."""
        return self.num_waiting_of(False) + self.num_waiting_of(True)

    def num_waiting_of(self, is_large: bool) -> int:
        """Return the number of photos that no thread has taken yet, in one of the queues."""
        with self._lock:
            return sum(job.weight for job in self._waiting[is_large])

    def submit(self, jobs: Sequence[Job]) -> None:
        """Add jobs to the queue."""
        with self._lock:
            for job in jobs:
                is_large = job.is_large and self._num_large > 0
                self._waiting[is_large].append(job)
                self._changed[is_large].notify()

    def withdraw(self, jobs: Sequence[Job]) -> None:
        """Cancel jobs, and remove the jobs that no thread has taken yet from the queue."""
        cancelled = {job for job in jobs if job.future.cancel()}
        if cancelled:
            with self._lock:
                for is_large, waiting in self._waiting.items():
                    self._waiting[is_large] = deque(job for job in waiting if job not in cancelled)

    def replace_stuck(self) -> None:
        """Replace threads whose photo takes too long; must be called regularly."""
        with self._lock:
            for index, worker in enumerate(self._workers):
                if (current := worker.current) is None or not (
                    reason := current[1].timeout_reason()
                ):
                    continue
                worker.is_abandoned = True
                settle(current[0].future, error=PhotoError(reason))
                rest = [job for job in worker.jobs if not job.future.done()]
                self._waiting[worker.is_large].extendleft(reversed(rest))
                self._workers[index] = _Worker(self, worker.is_large)
                self._workers[index].start()

    def close(self, wait_seconds: float = 0.0) -> None:
        """Cancel waiting jobs and end the threads.

        Args:
            wait_seconds: How long to wait for the threads to finish their current photos.
        """
        with self._lock:
            self._is_closed = True
            for is_large, waiting in self._waiting.items():
                for job in waiting:
                    job.future.cancel()
                waiting.clear()
                self._changed[is_large].notify_all()
        deadline = time.monotonic() + wait_seconds
        for worker in self._workers:
            worker.join(max(0.0, deadline - time.monotonic()))

    def take(self, worker: _Worker) -> list[Job]:
        """Wait for jobs, and return a thread's share of them; empty once the pool is closed."""
        with self._lock:
            worker.jobs, is_large = [], worker.is_large
            self._changed[is_large].wait_for(lambda: self._waiting[is_large] or self._is_closed)
            waiting = self._waiting[is_large]
            # If few jobs wait, they are divided among the threads.
            share = min(self._batch_size, math.ceil(len(waiting) / self._num_threads))
            while waiting and len(worker.jobs) < (1 if is_large else share):
                if worker.jobs and waiting[0].group != worker.jobs[0].group:
                    break
                worker.jobs.append(waiting.popleft())
            return worker.jobs

    def end(self, worker: _Worker) -> bool:
        """Record that a thread has decoded its photo; return whether it was abandoned meanwhile."""
        with self._lock:
            worker.current = None
            return worker.is_abandoned


class _Worker(threading.Thread):
    def __init__(self, pool: DecodePool, is_large: bool) -> None:
        super().__init__(name="pawsight-decoding", daemon=True)
        self._pool, self.is_large = pool, is_large
        self.jobs: list[Job] = []
        self.current: tuple[Job, DecodeTimer] | None = None  # the photo being decoded
        self.is_abandoned = False

    def run(self) -> None:
        while jobs := self._pool.take(self):
            if not self._process(jobs):
                return

    def _process(self, jobs: list[Job]) -> bool:
        """Decode and run jobs; return False if this thread was abandoned."""
        decoded: list[tuple[Job, Any]] = []
        for job in jobs:
            if job.future.cancelled():
                continue
            self.current = job, DecodeTimer()
            error: BaseException | None = None
            try:
                decoded.append((job, job.decode()))
            except MemoryError:
                error = PhotoError(NO_MEMORY)
            except BaseException as caught:  # noqa: BLE001 - raised where the result is awaited
                error = caught
            if self._pool.end(self):
                return False
            if error is not None:
                settle(job.future, error=error)
        if decoded:
            try:
                results = decoded[0][0].run([value for _, value in decoded])
                for (job, _), result in zip(decoded, results, strict=True):
                    settle(job.future, result)
            except BaseException as caught:  # noqa: BLE001 - raised where the result is awaited
                for job, _ in decoded:
                    settle(job.future, error=caught)
            self._pool.on_batch(len(decoded))
        return True


def settle(
    future: Future[Any], result: Any = None, error: BaseException | None = None
) -> Future[Any]:
    """Set the result or the error of a future, unless it was cancelled; return the future."""
    with contextlib.suppress(Exception):  # it was cancelled meanwhile
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)
    return future
