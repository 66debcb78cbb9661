"""Read photos with all cores, in worker processes; a photo that crashes one is reported.

A thread feeds each process, one batch ahead, so that it never waits. When the
process dies, its photos are read once more, one by one, so that the photo that
crashes it is found and all others are read.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections import deque
from collections.abc import Generator, Iterable

from pawsight.data.reading.batch import Batch, DecodeTimeout, ReadResult, read_batch
from pawsight.data.reading.reader import Work, is_permanent, reason_for
from pawsight.data.reading.worker_process import DiedError, WorkerProcess

_log = logging.getLogger(__name__)
_AHEAD = 2  # batches sent to a process at once
_WAIT_SECONDS = 0.5  # between two checks for Ctrl-C, on systems that need them

Result = tuple[Batch, list[ReadResult]]


def read_all(
    batches: Iterable[Batch], num_workers: int, work: Work = read_batch
) -> Generator[Result]:
    """Read batches with several processes; they come back in any order.

    Where the system starts no process, they are read in this one.

    Args:
        batches: Taken one by one, when a process is free.
        num_workers: How many processes, at least 1.
        work: What a process does with a batch; it must be importable there.

    Closing the iterator ends the processes.
    """
    pool = _Pool(batches, work)
    feeders = [_Feeder(pool) for _ in range(num_workers)]
    try:
        for feeder in feeders:
            feeder.start()
        running = len(feeders)
        while running:
            result = pool.wait()
            if result is None:
                running -= 1
            elif isinstance(result, BaseException):
                raise result
            else:
                yield result
        while (batch := pool.next_batch()) is not None:  # where no process could be started
            yield batch, work(batch, DecodeTimeout())
    finally:
        pool.close()
        for feeder in feeders:
            while feeder.is_alive():
                pool.drop_results()
                feeder.join(_WAIT_SECONDS / 10)


class _Pool:
    """What the feeders share: batches to read, results, and the running processes."""

    def __init__(self, batches: Iterable[Batch], work: Work) -> None:
        self.work = work
        self._batches = iter(batches)
        self._returned: deque[Batch] = deque()
        # Bounded, so that results do not pile up where this process is the slower one.
        self._results: queue.Queue[Result | BaseException | None] = queue.Queue(maxsize=32)
        self._lock = threading.Lock()
        self._processes: set[WorkerProcess] = set()
        self.is_closed = False

    def next_batch(self) -> Batch | None:
        with self._lock:
            return self._returned.popleft() if self._returned else next(self._batches, None)

    def give_back(self, batches: Iterable[Batch]) -> None:
        with self._lock:
            self._returned.extend(batches)

    def put(self, result: Result | BaseException | None) -> None:
        self._results.put(result)

    def wait(self) -> Result | BaseException | None:
        while True:
            with contextlib.suppress(queue.Empty):
                return self._results.get(timeout=_WAIT_SECONDS)

    def start_process(self) -> WorkerProcess:
        """Start a process.

        Raises:
            _NoProcessError: It cannot be started, or the pool is closed.
        """
        with self._lock:
            if self.is_closed:
                raise _NoProcessError
            try:
                process = WorkerProcess()
            except (OSError, ValueError) as error:
                _log.warning("No worker process could be started: %s", error)
                raise _NoProcessError from error
            self._processes.add(process)
        try:
            process.set_up(self.work)
        except DiedError as error:
            code = self.end_process(process)
            _log.warning("A worker process ended at once, with exit code %s.", code)
            raise _NoProcessError from error
        return process

    def end_process(self, process: WorkerProcess) -> int:
        with self._lock:
            self._processes.discard(process)
        return process.end()

    def close(self) -> None:
        with self._lock:
            self.is_closed = True
            for process in self._processes:
                process.kill()

    def drop_results(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._results.get_nowait()


class _Feeder(threading.Thread):
    """Feeds one process, and starts another where it dies."""

    def __init__(self, pool: _Pool) -> None:
        super().__init__(daemon=True, name="pawsight-reading")
        self._pool = pool
        self._todo: deque[tuple[Batch, bool]] = deque()  # a batch, and whether it is a suspect

    def run(self) -> None:
        try:
            while self._read_until_death():
                pass
        except _NoProcessError:
            for batch, is_suspect in self._todo:
                if is_suspect:
                    self._pool.put((batch, [ReadResult(problem=reason_for(1), is_permanent=False)]))
            self._pool.give_back(batch for batch, is_suspect in self._todo if not is_suspect)
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            self._pool.put(error)
        finally:
            self._pool.put(None)

    def _read_until_death(self) -> bool:
        """Read batches with one process; return whether some are left because it died."""
        process = self._pool.start_process()
        under_way: deque[tuple[Batch, bool]] = deque()
        try:
            while True:
                while len(under_way) < _AHEAD and (following := self._following()) is not None:
                    under_way.append(following)
                    process.send(following[0])
                if not under_way:
                    return False
                findings = process.receive()
                self._pool.put((under_way.popleft()[0], findings))
        except DiedError:
            code = self._pool.end_process(process)
            if self._pool.is_closed:
                return False
            batch, is_suspect = under_way.popleft()
            self._todo.extendleft(reversed(under_way))
            if is_suspect:
                finding = ReadResult(problem=reason_for(code), is_permanent=is_permanent(code))
                self._pool.put((batch, [finding]))
            else:
                self._todo.extendleft((single, True) for single in reversed(batch.singles()))
            return True
        finally:
            self._pool.end_process(process)

    def _following(self) -> tuple[Batch, bool] | None:
        if self._todo:
            return self._todo.popleft()
        batch = self._pool.next_batch()
        return None if batch is None else (batch, False)


class _NoProcessError(Exception):
    pass
