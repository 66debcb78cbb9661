"""Run a job in processes of this machine; a process that is lost is replaced."""

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
    """Yield each item and its result when it is done, in any order.

    Args:
        job: What is done.
        items: What it is done with, each picklable; the next is taken when a process is free.
        count: How many processes, which share the cores of this machine.
        lost: Receives how a process was lost and its item, which another process begins again.

    Raises:
        PawsightError: An item cannot be done.
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
                if answer is None:  # it was killed, or crashed
                    how = worker.restart()
                    if lost is not None:
                        lost(f"Worker {worker.index + 1} of {count} was lost ({how})", worker.item)
                    continue
                yield worker.item, answer[0]
                for item in itertools.islice(waiting, 1):
                    worker.begin(item)
    finally:
        for worker in workers:
            worker.end()


@dataclass(slots=True, eq=False)
class _Worker:
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
            PawsightError: It cannot be done.
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
        """Start another process for the item; return how the last one ended."""
        self.end()
        how = Exit(self.process.exitcode)
        self.num_losses += 1
        if self.num_losses == _MAX_LOSSES:
            raise TrainingError(
                f"A worker process ended {_MAX_LOSSES} times at the same place ({how}).\n"
                f"Leave --workers out to see the reason."
            )
        self._start()
        self._send()
        return how

    def end(self) -> None:
        self.pipe.close()
        self.process.kill()
        self.process.join(_END_SECONDS)

    def _send(self) -> None:
        with contextlib.suppress(OSError):  # it is gone, which `answer` finds
            self.pipe.send(self.item)

    def _start(self) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        cores = cores_of(self.index, self.count)
        self.process = _CONTEXT.Process(target=_work, args=(theirs, self.job, cores), daemon=True)
        self.process.start()
        theirs.close()


def _work(pipe: Connection, job: Job, cores: list[int]) -> None:
    """Do the items that come; answer to each with (None, result), or (error, None)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started it
    if cores:
        os.sched_setaffinity(0, cores)
    work: Callable[[Any], Any] | None = None
    with contextlib.suppress(EOFError, OSError):  # the process that started it has ended
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
