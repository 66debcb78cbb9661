"""A lock between machines: a file in a store that its owner renews while it works.

Stores have no locks. An owner that no longer renews the file has ended. If two processes acquire
the lock at the same moment, the file names the process that wrote last. The other process notices
this when it reads the file again, which it does before each write.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import BaseModel, ValidationError

from pawsight.errors import RunError
from pawsight.storage.atomic import is_running
from pawsight.storage.download import DownloadError
from pawsight.storage.stores.remote_folder import RemoteFolder

_RENEW_SECONDS = 20.0  # between two renewals
_ENDED_SECONDS = 90.0  # without renewal, after which the owner has ended
_ENDED_LONG_AGO_SECONDS = 3600.0  # likewise, by the clocks of two machines, which may differ


class _Owner(BaseModel, frozen=True):
    host: str
    process: int
    token: str
    renewed: float  # seconds since 1970, by the owner's clock
    count: int = 0

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}"

    @property
    def has_ended(self) -> bool:
        """Whether the owner is known to have ended, without waiting."""
        is_local = self.host == socket.gethostname() and os.name != "nt"
        # In a new container of the same name, this process may have the id of the earlier owner.
        if is_local and (self.process == os.getpid() or not is_running(self.process)):
            return True
        return time.time() - self.renewed > _ENDED_LONG_AGO_SECONDS


class RemoteLock:
    """A lock, which is a file in a remote folder.

    Args:
        folder: The remote folder.
        name: The name of the file.
        on_loss: Called in another thread if another process has taken the lock.
    """

    def __init__(self, folder: RemoteFolder, name: str, on_loss: Callable[[], None]) -> None:
        self._folder, self._name, self._on_loss = folder, name, on_loss
        self._me = _Owner(
            host=socket.gethostname(),
            process=os.getpid(),
            token=secrets.token_hex(16),
            renewed=time.time(),
        )
        self._ended = threading.Event()
        self.loss: RunError | None = None  # names the process that has taken the lock

    @contextlib.contextmanager
    def held(self, note: Callable[[str], None]) -> Iterator[None]:
        """Acquire the lock, renew it while the block runs, and release it.

        Args:
            note: Receives a sentence if the lock must be waited for.

        Raises:
            RunError: Another process holds the lock.
            DownloadError: The lock file cannot be read or written.
        """
        self._await_end(note)
        self._write()
        self.check()
        thread = threading.Thread(target=self._renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join(_ENDED_SECONDS)
            with contextlib.suppress(DownloadError):
                if self.loss is None and not thread.is_alive():  # else leave it to expire
                    self._folder.remove(self._name)

    def check(self) -> None:
        """Check that no other process has taken the lock.

        Raises:
            RunError: Another process has taken it.
            DownloadError: The lock file cannot be read.
        """
        owner = self._read()
        if owner is not None and owner.token != self._me.token:
            self.loss = self._taken_by(owner)
            raise self.loss

    def _await_end(self, note: Callable[[str], None]) -> None:
        """Wait until the owner of the lock, if there is one, has released it or has ended."""
        first = self._read()
        if first is None or first.has_ended:
            return
        note(
            f"{self._folder.name} was last trained by {first}, which was interrupted or still "
            f"runs: waiting up to {_ENDED_SECONDS:.0f} s to find out."
        )
        deadline = time.monotonic() + _ENDED_SECONDS
        while time.monotonic() < deadline:
            time.sleep(_ENDED_SECONDS / 30)
            owner = self._read()
            if owner is None:
                return
            if owner != first:  # renewed
                raise self._taken_by(owner)

    def _taken_by(self, owner: _Owner) -> RunError:
        return RunError(
            f"The run {self._folder.name} is being trained by {owner}.\n"
            f"Wait until it ends, or stop it first."
        )

    def _renew(self) -> None:
        while not self._ended.wait(_RENEW_SECONDS):
            try:
                self.check()
                self._write()
            except RunError:
                self._on_loss()
                return
            except DownloadError:  # a temporary failure of the network
                continue

    def _write(self) -> None:
        self._me = self._me.model_copy(update={"renewed": time.time(), "count": self._me.count + 1})
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, self._name)
            path.write_text(self._me.model_dump_json(), encoding="utf-8")
            self._folder.put(path, self._name)

    def _read(self) -> _Owner | None:
        content = self._folder.read(self._name)
        try:
            return None if content is None else _Owner.model_validate(json.loads(content))
        except (ValueError, ValidationError):
            return None  # the file is no lock
