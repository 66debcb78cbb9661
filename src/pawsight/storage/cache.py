"""The cache folder: data that can be fetched or computed again.

It holds unpacked archives, the drawn sample, ingested photos and the like. All of
it may be deleted while no pawsight process runs. A process holds a shared lock on
each folder of the cache that it uses, so that `clear_cache` does not remove it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from platformdirs import user_cache_path

from pawsight.errors import DiskError
from pawsight.storage.locks import lock_unshared, share

_held: dict[Path, sqlite3.Connection] = {}  # the locks of this process, by lock file
_holding = threading.Lock()


def cache_dir(kind: str = "") -> Path:
    """Return the cache folder, or its subfolder for a kind of content, created if missing.

    The cache folder is $PAWSIGHT_CACHE, else the cache folder of the system. It is
    private, since it may contain copies of private photos. If $PAWSIGHT_CACHE
    existed before, only the subfolders are made private.

    Args:
        kind: A kind of content, such as "ingest"; "" returns the cache folder itself.

    Raises:
        DiskError: The folder cannot be created or written.
    """
    chosen = os.environ.get("PAWSIGHT_CACHE")
    folder = Path(chosen).expanduser().absolute() if chosen else user_cache_path("pawsight")
    try:
        if not (chosen and folder.exists()):
            _make_private(folder)
        if kind:
            _make_private(folder / kind)
    except OSError as error:
        raise DiskError(_cannot_use(folder, error.strerror or str(error))) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DiskError(_cannot_use(folder, "no permission to write there"))
    return folder / kind


def _make_private(folder: Path) -> None:
    folder.mkdir(0o700, parents=True, exist_ok=True)
    with contextlib.suppress(PermissionError):  # it belongs to another user
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)


def mark_in_use(folder: Path) -> None:
    """Protect a folder of the cache from being cleared until this process ends.

    Args:
        folder: The folder, which need not exist yet. While another process clears it, this
            call waits.
    """
    with _holding, contextlib.suppress(DiskError, OSError, sqlite3.Error, ValueError):
        path = _lock_path(folder)
        if path not in _held:
            _held[path] = share(path, timeout_seconds=60)
        os.utime(path)  # read by `last_used`


@contextlib.contextmanager
def lock_unused(folder: Path) -> Iterator[bool]:
    """Yield whether no process uses a folder of the cache; if so, none can in the block."""
    with lock_unshared(_lock_path(folder)) as is_free:
        yield is_free


def last_used(folder: Path) -> float:
    """Return when a folder of the cache was last used, in seconds since 1970."""
    try:
        return _lock_path(folder).stat().st_mtime
    except OSError:
        return folder.stat().st_mtime


def _lock_path(folder: Path) -> Path:
    """Return the lock file, outside of the folder: some systems cannot remove a locked file."""
    relative = os.fsencode(folder.relative_to(cache_dir()))
    return cache_dir("in-use") / f"{hashlib.sha256(relative).hexdigest()[:16]}.sqlite"


def _cannot_use(folder: Path, reason: str) -> str:
    return (
        f"The cache folder {folder} cannot be used: {reason}.\n"
        f"Name another folder: PAWSIGHT_CACHE=/a/folder pawsight ..."
    )
