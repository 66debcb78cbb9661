"""Where pawsight keeps what it can make again.

Unpacked archives, the drawn sample, what ingest read: all of it may be deleted
while no pawsight runs, which only costs the time to make it again. Who uses one
of these folders holds it, so that `clear_cache` leaves it alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from platformdirs import user_cache_path

from pawsight.errors import DiskError

_LOCK_SECONDS = 0.2
_held: dict[Path, sqlite3.Connection] = {}  # a process holds things as a whole, so they lie here
_holding = threading.Lock()


def cache_dir() -> Path:
    """Give the cache folder, made if need be: $PAWSIGHT_CACHE, else the system's own place.

    Raises:
        DiskError: The folder cannot be made or written.
    """
    chosen = os.environ.get("PAWSIGHT_CACHE")
    folder = Path(chosen).expanduser().absolute() if chosen else user_cache_path("pawsight")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiskError(_cannot_use(folder, error.strerror or str(error))) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DiskError(_cannot_use(folder, "no permission to write there"))
    return folder


def hold(folder: Path) -> None:
    """Keep other processes from clearing a folder of the cache, to the end of this process.

    Args:
        folder: It need not exist yet. If it is being cleared now, this waits until it is gone.
    """
    with _holding, contextlib.suppress(DiskError, OSError, sqlite3.Error, ValueError):
        path = _holder_path(folder)
        if path not in _held:
            path.parent.mkdir(exist_ok=True)
            connection = sqlite3.connect(path, timeout=60, check_same_thread=False)
            # What a transaction has read nobody else may lock as a whole; the system ends it
            # with the process, however that ends.
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            _held[path] = connection
        os.utime(path)  # when it was last used


@contextlib.contextmanager
def unheld(folder: Path) -> Iterator[bool]:
    """Say whether no process holds a folder of the cache, and let none do so meanwhile."""
    try:
        path = _holder_path(folder)
        path.parent.mkdir(exist_ok=True)
        connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    except (OSError, sqlite3.Error):
        yield False
        return
    with contextlib.closing(connection):
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error:
            yield False
            return
        yield True


def last_used(folder: Path) -> float:
    """Say when a folder of the cache was last used, in seconds since 1970."""
    try:
        return _holder_path(folder).stat().st_mtime
    except OSError:
        return folder.stat().st_mtime


def _holder_path(folder: Path) -> Path:
    """Name the file that is locked: apart, since a locked file cannot be removed everywhere."""
    place = os.fsencode(folder.relative_to(cache_dir()))
    return cache_dir() / "in-use" / f"{hashlib.sha256(place).hexdigest()[:16]}.sqlite"


@contextlib.contextmanager
def alone(path: Path, tell: Callable[[], None]) -> Iterator[None]:
    """Hold a lock that the system takes back when the process dies, on any system: SQLite's.

    Args:
        path: The lock's file; its folder must exist.
        tell: Called once if another process has to be waited for.

    Raises:
        sqlite3.Error: The file cannot be made or locked.
    """
    lock = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
    try:
        is_told = False
        while True:
            try:
                lock.execute("BEGIN EXCLUSIVE")
                break
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
            if not is_told:
                tell()
                is_told = True
            time.sleep(_LOCK_SECONDS)
        yield
    finally:
        lock.close()


def _cannot_use(folder: Path, reason: str) -> str:
    return (
        f"The cache folder {folder} cannot be used: {reason}.\n"
        f"Name another one: PAWSIGHT_CACHE=/a/folder pawsight ..."
    )
