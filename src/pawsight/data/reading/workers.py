"""Read photos on all cores, in worker processes; a photo that crashes a process is reported.

For each process a thread sends one batch ahead, so that the process never waits. If a
process dies, the photos of its batch are read again, one by one. So the photo that crashes
the process is found, and all other photos are read.
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
_MAX_SENT = 2  # batches that a process has at a time: the current and the next
_WAIT_SECONDS = 0.5  # between two checks for Ctrl-C, on systems that need them

Result = tuple[Batch, list[ReadResult]]


def read_all(
    batches: Iterable[Batch], num_workers: int, work: Work = read_batch
) -> Generator[Result]:
    """Read batches with several processes; yield each batch with its results, in any order.

    If no process can be started, the batches are read in this process. Closing the
    generator ends the processes.

    Args:
        batches: The batches; the next one is taken when a process is free.
        num_workers: The number of processes, at least 1.
        work: Processes a batch; the worker processes must be able to import it.
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
        while (batch := pool.next_batch()) is not None:  # if no process could be started
            yield batch, work(batch, DecodeTimeout())
    finally:
        pool.close()
        for feeder in feeders:
            while feeder.is_alive():
                pool.drop_results()
                feeder.join(_WAIT_SECONDS / 10)


class _Pool:
    """The shared state of the feeders: batches to read, results, and running processes."""

    def __init__(self, batches: Iterable[Batch], work: Work) -> None:
        self.work = work
        self._batches = iter(batches)
        self._returned: deque[Batch] = deque()
        # Bounded, so that results do not accumulate if this process is slower than the workers.
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
            _NoProcessError: The process cannot be started, or the pool is closed.
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
    """Sends batches to one process, and starts a new process if it dies."""

    def __init__(self, pool: _Pool) -> None:
        super().__init__(daemon=True, name="pawsight-reading")
        self._pool = pool
        # Batches to read again, and whether each is a single photo that may have crashed a process.
        self._todo: deque[tuple[Batch, bool]] = deque()

    def run(self) -> None:
        try:
            while self._read_until_death():
                pass
        except _NoProcessError:
            for batch, is_suspect in self._todo:
                if is_suspect:
                    self._pool.put((batch, [ReadResult(problem=reason_for(1), is_permanent=False)]))
            self._pool.give_back(batch for batch, is_suspect in self._todo if not is_suspect)
        except Exception as error:  # noqa: BLE001 - raised again by `read_all`
            self._pool.put(error)
        finally:
            self._pool.put(None)

    def _read_until_death(self) -> bool:
        """Read batches with one process; return whether it died, so that batches are left."""
        process = self._pool.start_process()
        sent: deque[tuple[Batch, bool]] = deque()
        try:
            while True:
                while len(sent) < _MAX_SENT and (following := self._following()) is not None:
                    sent.append(following)
                    process.send(following[0])
                if not sent:
                    return False
                results = process.receive()
                self._pool.put((sent.popleft()[0], results))
        except DiedError:
            code = self._pool.end_process(process)
            if self._pool.is_closed:
                return False
            batch, is_suspect = sent.popleft()
            self._todo.extendleft(reversed(sent))
            if is_suspect:
                result = ReadResult(problem=reason_for(code), is_permanent=is_permanent(code))
                self._pool.put((batch, [result]))
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
    """No worker process can be started."""
