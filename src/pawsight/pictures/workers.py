"""Read photos with all cores; a photo that kills its worker is found out and named.

Workers write their pixels into the store file and give back only what they
found, so that little has to pass between processes.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import loky

from pawsight.errors import PhotoError
from pawsight.pictures.decode import Facts, examine, read_photo
from pawsight.records import Resize

# Starting processes takes longer than reading this many photos in this one.
FEW = 64
_ORPHAN_SECONDS = 0.5
_CRASH = "reading it crashed the decoder, or took all memory"


@dataclass(frozen=True, slots=True)
class Batch:
    """Photos for one worker to read.

    Attributes:
        root: The folder that the paths are relative to.
        paths: Paths of the photos.
        first_row: Row of the first photo in the store; the others follow.
        image_size: (height, width) in pixels.
        resize: How a photo of another shape is brought there.
        store_path: The file to write pixels into, None to write none.
    """

    root: str
    paths: tuple[str, ...]
    first_row: int
    image_size: tuple[int, int]
    resize: Resize
    store_path: str | None

    def halves(self) -> tuple[Batch, Batch]:
        """Divide into two batches."""
        half = len(self.paths) // 2
        return (
            replace(self, paths=self.paths[:half]),
            replace(self, paths=self.paths[half:], first_row=self.first_row + half),
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """What a worker found: facts, or a problem.

    `is_lasting` says that reading the same file again would find the same, which
    is not so for a missing permission. `is_stored` says that its pixels are written.
    """

    facts: Facts | None = None
    problem: str = ""
    is_lasting: bool = True
    is_stored: bool = False


def read_batch(batch: Batch) -> list[Finding]:
    """Read the photos of a batch, in order."""
    if batch.store_path is None:
        return [_read(batch, place, None) for place in range(len(batch.paths))]
    findings = []
    try:
        with Path(batch.store_path).open("r+b") as store:
            findings = [_read(batch, place, store) for place in range(len(batch.paths))]
    except OSError:  # the disk is full: facts without pixels are worth keeping all the same
        return read_batch(replace(batch, store_path=None))
    return findings


def _read(batch: Batch, place: int, store: BinaryIO | None) -> Finding:
    try:
        data = read_photo(os.path.join(batch.root, batch.paths[place]))  # noqa: PTH118 - hot
    except PhotoError as error:
        return Finding(problem=str(error), is_lasting=False)
    try:
        facts, pixels = examine(data, batch.image_size, batch.resize)
    except PhotoError as error:
        return Finding(problem=str(error))
    if store is not None:
        store.seek((batch.first_row + place) * pixels.nbytes)
        store.write(pixels.data)
    return Finding(facts, is_stored=store is not None)


def read_all(
    batches: Iterable[Batch],
    num_workers: int,
    work: Callable[[Batch], list[Finding]] = read_batch,
) -> Generator[tuple[Batch, list[Finding]]]:
    """Read batches with several processes; they come back in any order.

    When a worker dies, every batch under way is suspect. Suspects run one at a
    time, and one that kills again is halved, until the guilty photo stands alone.

    Closing the iterator stops the workers.
    """
    waiting = deque(batches)
    if len(waiting) == 1 and len(waiting[0].paths) <= FEW and work is read_batch:
        yield waiting[0], read_batch(waiting[0])
        return
    suspects: deque[Batch] = deque()
    while waiting or suspects:
        under_way: dict[Future[list[Finding]], Batch] = {}
        pool = _start_pool(num_workers)
        if pool is None:
            for batch in (*suspects, *waiting):
                yield batch, work(batch)
            return
        try:
            while waiting or suspects or under_way:
                room = 1 if suspects else 3 * num_workers
                while (suspects or waiting) and len(under_way) < room:
                    queue = suspects or waiting
                    under_way[pool.submit(work, queue[0])] = queue[0]
                    queue.popleft()
                done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    findings = future.result()
                    yield under_way.pop(future), findings
        except BrokenProcessPool:
            crashed = list(under_way.values())
            if len(crashed) != 1:
                suspects.extend(crashed)
            elif len(crashed[0].paths) > 1:
                suspects.extendleft(reversed(crashed[0].halves()))
            else:
                yield crashed[0], [Finding(problem=_CRASH, is_lasting=False)]
        finally:
            pool.shutdown(wait=True, kill_workers=True)


def _start_pool(num_workers: int) -> loky.ProcessPoolExecutor | None:
    """Start workers; None where the system does not let them live, so that no photo is blamed."""
    try:
        pool = loky.ProcessPoolExecutor(
            num_workers, initializer=_start_worker, initargs=(os.getpid(),)
        )
    except OSError:
        return None
    try:
        with _deaf_to_interrupts():
            first = pool.submit(os.getpid)
        first.result()
    except BaseException as error:
        pool.shutdown(wait=True, kill_workers=True)
        if isinstance(error, BrokenProcessPool | OSError):
            return None
        raise
    return pool


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Start processes that will never hear of Ctrl-C, which reaches all of a terminal.

    The process that starts the workers ends them. What is ignored here they ignore
    from their first instruction on; told later, they would first write tracebacks.
    """
    # Only the main thread may change it, and only a handler that Python knows can be put back.
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is None
    ):
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _start_worker(parent: int) -> None:
    gc.freeze()  # what was imported stays, so no collection need look at it again
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.name == "posix":  # elsewhere the process above may be a launcher
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this worker when the process that started it is gone: killed, it ends nobody."""
    while os.getppid() == parent:
        time.sleep(_ORPHAN_SECONDS)
    os._exit(1)
