"""Run a job in several processes on this machine; a lost process is replaced."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import signal
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from pawsight.errors import PawsightError, TrainingError, first_line
from pawsight.training.worker_group import Job, Lost
from pawsight.workflow.worker_processes import Exit, cores_of, rebuilt

_CONTEXT = multiprocessing.get_context("spawn")
_END_SECONDS = 5.0
_MAX_LOSSES = 10  # of processes in a row with the same item


def run_here(
    job: Job, items: Iterable[Any], count: int, lost: Lost | None = None
) -> Generator[tuple[Any, Any]]:
    """Yield each item with its result, in the order in which they finish.

    Args:
        job: The work to do.
        items: The inputs, each picklable; the next is taken when a process is free.
        count: The number of processes, which share the cores of this machine.
        lost: Receives how a process ended early, and its item, which another process repeats.

    Raises:
        PawsightError: The job failed for an item.
        TrainingError: Ten processes in a row ended with the same item.
    """
    waiting = iter(items)
    workers: list[_Worker] = []
    try:
        for index, item in zip(range(count), waiting, strict=False):
            workers.append(_Worker(job, index, count))
            workers[-1].begin(item)
        while busy := {worker.pipe: worker for worker in workers if worker.is_busy}:
            for pipe in wait(list(busy)):
                worker = busy[pipe]  # type: ignore[index]
                answer = worker.answer()
                if answer is None:  # the process was killed, or crashed
                    ended = worker.restart()
                    if lost is not None:
                        text = f"Worker {worker.index + 1} of {count} was lost ({ended})"
                        lost(text, worker.item)
                    continue
                yield worker.item, answer[0]
                for item in itertools.islice(waiting, 1):
                    worker.begin(item)
    finally:
        for worker in workers:
            worker.end()


@dataclass(slots=True, eq=False)
class _Worker:
    """A process, and the item that it works on."""

    job: Job
    index: int
    count: int
    item: Any = None
    is_busy: bool = False
    num_losses: int = 0
    pipe: Connection = field(init=False)
    process: Any = field(init=False)

    def __post_init__(self) -> None:
        self._start()

    def begin(self, item: Any) -> None:
        self.item, self.is_busy, self.num_losses = item, True, 0
        self._send()

    def answer(self) -> tuple[Any] | None:
        """Return the result of the item, as a tuple; None where the process was lost.

        Raises:
            PawsightError: The job failed for the item.
        """
        try:
            failure, result = self.pipe.recv()
        except (EOFError, OSError):
            return None
        if failure is not None:
            raise rebuilt(*failure)
        self.is_busy = False
        return (result,)

    def restart(self) -> Exit:
        """Start another process for the item, and return how the previous process ended."""
        self.end()
        ended = Exit(self.process.exitcode)
        self.num_losses += 1
        if self.num_losses == _MAX_LOSSES:
            raise TrainingError(
                f"Worker processes ended {_MAX_LOSSES} times at the same item ({ended}).\n"
                f"Leave --workers out to see the reason."
            )
        self._start()
        self._send()
        return ended

    def end(self) -> None:
        self.pipe.close()
        self.process.kill()
        self.process.join(_END_SECONDS)

    def _send(self) -> None:
        with contextlib.suppress(OSError):  # the process has ended, which `answer` detects
            self.pipe.send(self.item)

    def _start(self) -> None:
        self.pipe, child_pipe = _CONTEXT.Pipe()
        cores = cores_of(self.index, self.count)
        self.process = _CONTEXT.Process(
            target=_work, args=(child_pipe, self.job, cores), daemon=True
        )
        self.process.start()
        child_pipe.close()


def _work(pipe: Connection, job: Job, cores: list[int]) -> None:
    """Process the items that arrive; reply to each with (None, result), or (error, None)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process handles Ctrl-C
    if cores:
        os.sched_setaffinity(0, cores)
    work: Callable[[Any], Any] | None = None
    with contextlib.suppress(EOFError, OSError):  # the parent process has ended
        while True:
            item = pipe.recv()
            answer: tuple[Any, Any]
            try:
                work = work or job.worker()
                answer = (None, work(item))
            except PawsightError as error:
                answer = ((type(error).__name__, str(error)), None)
            except OSError as error:
                place = f"{error.filename}: " if error.filename else ""
                text = f"A worker cannot read or write: {place}{first_line(error)}."
                advice = "Check the disk and its permissions, then run the same command again."
                answer = (("DiskError", f"{text}\n{advice}"), None)
            pipe.send(answer)
