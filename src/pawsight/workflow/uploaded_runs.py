"""Train a run at an address: its files are copied there after each checkpoint, and at the end.

A separate thread copies the files while training continues. If copying fails, it is tried again
after the next checkpoint, and finally at the end.
"""

from __future__ import annotations

import _thread
import contextlib
import queue
import threading
import time
from collections.abc import Iterator

from pawsight.errors import PawsightError, RunError
from pawsight.formatting import resume_command
from pawsight.progress import Progress
from pawsight.run_addresses import LOCK_NAME, is_checkpoint, update
from pawsight.runs import Run
from pawsight.storage.download import DownloadError
from pawsight.storage.mirrored_folder import MirroredFolder
from pawsight.storage.stores.remote_lock import RemoteLock

_CHECK_SECONDS = 1.0
_MIN_SECONDS = 20.0  # between the starts of two copies
_PREVIOUS = "previous.npz"  # the checkpoint before, which was copied as the latest one


@contextlib.contextmanager
def uploaded(run: Run, progress: Progress) -> Iterator[Progress]:
    """Copy a run to its address while the block trains it; do nothing for a run without address.

    Yields:
        The progress to train with, which also shows the notes of copying.

    Raises:
        RunError: Another machine trains the run, or its files cannot be copied; they are kept.
    """
    mirrored = run.mirror
    if mirrored is None:
        yield progress
        return
    lock = RemoteLock(mirrored.remote, LOCK_NAME, _thread.interrupt_main)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lock.held(progress.note))
        except DownloadError as error:
            raise RunError(f"{mirrored.address} cannot be written: {error}.") from error
        update(mirrored, is_whole=True)
        mirrored.publish()
        uploads = _Uploads(mirrored, lock)
        try:
            yield _Noted(progress, uploads.notes)
        except BaseException as error:
            uploads.end()
            if lock.loss is not None:
                raise lock.loss from error
            try:
                _publish_all(mirrored, lock, progress)
            except PawsightError as problem:
                error.add_note(str(problem))
            raise
        uploads.end()
        _publish_all(mirrored, lock, progress)


def _publish_all(mirrored: MirroredFolder, lock: RemoteLock, progress: Progress) -> None:
    progress.start(f"Copying the run to {mirrored.address}")
    try:
        lock.check()
        mirrored.publish()
    except (PawsightError, DownloadError) as error:
        raise RunError(
            f"The last changes of the run were not copied to {mirrored.address}: {error}\n"
            f"It is kept in {mirrored.path}. Copy it with: {resume_command(mirrored.address)}"
        ) from error


class _Uploads:
    """A thread that copies a run whenever there is a new checkpoint."""

    def __init__(self, mirrored: MirroredFolder, lock: RemoteLock) -> None:
        self._mirrored, self._lock = mirrored, lock
        self._ended = threading.Event()
        self.notes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop after the file that is being copied."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        copied: object = None
        began = time.monotonic() - _MIN_SECONDS
        while not self._ended.wait(_CHECK_SECONDS):
            unsent = self._mirrored.unsent(_is_latest)
            if not unsent or unsent == copied or time.monotonic() - began < _MIN_SECONDS:
                continue
            copied, began = unsent, time.monotonic()
            try:
                self._lock.check()
                self._mirrored.publish(self._check_running, _is_previous)
            except _EndedError:
                return
            except (PawsightError, DownloadError) as error:
                if self._lock.loss is not None:
                    _thread.interrupt_main()
                    return
                self.notes.put(
                    f"The checkpoint was not copied to {self._mirrored.address}, and will be with "
                    f"the next one or at the end: {error}"
                )

    def _check_running(self) -> None:
        if self._ended.is_set():
            raise _EndedError


class _EndedError(Exception):
    """Training has ended, and all files are copied next."""


def _is_latest(name: str) -> bool:
    return is_checkpoint(name) and not _is_previous(name)


def _is_previous(name: str) -> bool:
    return name.endswith(_PREVIOUS)


class _Noted:
    """Passes everything on, and shows the notes of another thread in the thread of training."""

    def __init__(self, progress: Progress, notes: queue.SimpleQueue[str]) -> None:
        self._progress, self._notes = progress, notes
        self.start, self.note = progress.start, progress.note

    def advance(self, done: int, **facts: float | str) -> None:
        """Show the notes, and pass the progress on."""
        with contextlib.suppress(queue.Empty):
            while True:
                self.note(self._notes.get_nowait())
        self._progress.advance(done, **facts)
