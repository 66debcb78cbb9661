"""Where pawsight keeps what it can make again.

Unpacked archives, the drawn sample, what ingest read: all of it may be deleted
at any time, which only costs the time to make it again.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from platformdirs import user_cache_path

from pawsight.errors import DiskError

_LOCK_SECONDS = 0.2


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
