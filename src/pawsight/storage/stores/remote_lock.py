"""A lock between machines: an object that its owner renews while it works.

Stores cannot lock. An owner that stops renewing has ended; two that begin within the same moment
are told apart when the first of them reads the object again, before it next writes.
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

_RENEW_SECONDS = 20.0
_ENDED_SECONDS = 90.0  # without renewal
_ENDED_LONG_AGO_SECONDS = 3600.0  # by the clocks of two machines, which may differ


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
        is_here = self.host == socket.gethostname() and os.name != "nt"
        # The number of this process is that of one in an earlier container of the same name.
        if is_here and (self.process == os.getpid() or not is_running(self.process)):
            return True
        return time.time() - self.renewed > _ENDED_LONG_AGO_SECONDS


class RemoteLock:
    """The lock `name` in a folder.

    Args:
        folder: Where it is.
        name: Of the object.
        on_loss: Called in another thread where another process has taken the lock.
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
        self.loss: RunError | None = None  # names who has taken it

    @contextlib.contextmanager
    def held(self, note: Callable[[str], None]) -> Iterator[None]:
        """Acquire the lock, renew it while the block runs, and release it.

        Raises:
            RunError: Another process has it.
            DownloadError: It cannot be read or written.
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
                if self.loss is None and not thread.is_alive():  # else it is renewed no more
                    self._folder.remove(self._name)

    def check(self) -> None:
        """Check that this process still has the lock; raises RunError."""
        owner = self._read()
        if owner is not None and owner.token != self._me.token:
            self.loss = self._taken(owner)
            raise self.loss

    def _await_end(self, note: Callable[[str], None]) -> None:
        found = self._read()
        if found is None or found.has_ended:
            return
        note(
            f"{self._folder.name} was last trained by {found}, which did not end as it should or "
            f"still runs: waiting up to {_ENDED_SECONDS:.0f} s to see which."
        )
        until = time.monotonic() + _ENDED_SECONDS
        while time.monotonic() < until:
            time.sleep(_ENDED_SECONDS / 30)
            now = self._read()
            if now is None:
                return
            if now != found:
                raise self._taken(now)

    def _taken(self, owner: _Owner) -> RunError:
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
            except DownloadError:  # the network is gone for a while
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
            return None  # of something else
