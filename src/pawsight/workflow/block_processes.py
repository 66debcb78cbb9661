"""Predict blocks in processes of this machine; a process that is lost is replaced."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from pawsight.errors import PawsightError
from pawsight.workflow.prediction_blocks import Block, BlockJob, BlockPredictor
from pawsight.workflow.worker_processes import cores_of, rebuilt

_CONTEXT = multiprocessing.get_context("spawn")
_END_SECONDS = 5.0


def predict_here(job: BlockJob, blocks: Iterable[Block], count: int) -> Iterator[Block]:
    """Yield each block when its file is written.

    Args:
        job: The prediction.
        blocks: The blocks to predict.
        count: How many processes, which share the cores of this machine.

    Raises:
        PawsightError: One cannot be predicted.
    """
    waiting = deque(blocks)
    workers = [_Worker(job, index, count) for index in range(min(count, len(waiting)))]
    try:
        for worker in workers:
            worker.begin(waiting.popleft())
        while busy := {worker.pipe: worker for worker in workers if worker.block is not None}:
            for pipe in wait(list(busy)):
                worker = busy[pipe]  # type: ignore[index]
                done = worker.finished()
                if done is None:  # it was killed, or crashed
                    worker.restart()
                    continue
                yield done
                if waiting:
                    worker.begin(waiting.popleft())
    finally:
        for worker in workers:
            worker.end()


@dataclass(slots=True, eq=False)
class _Worker:
    job: BlockJob
    index: int
    count: int
    block: Block | None = None
    pipe: Connection = field(init=False)
    process: Any = field(init=False)

    def __post_init__(self) -> None:
        self._start()

    def begin(self, block: Block) -> None:
        self.block = block
        with contextlib.suppress(OSError):  # it is gone, which `finished` finds
            self.pipe.send(block)

    def finished(self) -> Block | None:
        """Return the block that is done; None where the process was lost.

        Raises:
            PawsightError: It cannot be predicted.
        """
        try:
            failure = self.pipe.recv()
        except (EOFError, OSError):
            return None
        if failure is not None:
            raise rebuilt(*failure)
        block, self.block = self.block, None
        return block

    def restart(self) -> None:
        self.end()
        self._start()
        if self.block is not None:
            self.begin(self.block)

    def end(self) -> None:
        self.pipe.close()
        self.process.kill()
        self.process.join(_END_SECONDS)

    def _start(self) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        cores = cores_of(self.index, self.count)
        self.process = _CONTEXT.Process(target=_work, args=(theirs, self.job, cores), daemon=True)
        self.process.start()
        theirs.close()


def _work(pipe: Connection, job: BlockJob, cores: list[int]) -> None:
    """Predict the blocks that come; answer with None, or with the error, to each."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started it
    if cores:
        os.sched_setaffinity(0, cores)
    predictor: BlockPredictor | None = None
    with contextlib.suppress(EOFError, OSError):
        while True:
            block = pipe.recv()
            try:
                predictor = predictor or BlockPredictor(job)
                predictor.predict(block)
                pipe.send(None)
            except PawsightError as error:
                pipe.send((type(error).__name__, str(error)))
