"""Locks between processes; when a process ends, the operating system releases its locks.

A lock file is an SQLite database that is never removed. SQLite locks in the same
way on every system, also between threads of one process, and its locks can be
shared or exclusive.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pawsight.storage.atomic import create_file

_RETRY_SECONDS = 0.2


@contextlib.contextmanager
def locked(path: Path, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Acquire an exclusive lock for the block; wait until other processes release it.

    Args:
        path: The lock file. Its folder must exist.
        on_wait: Called once if another process has the lock, with the name of that process,
            such as "process 4711 on nebula". Raise in it to give up instead of waiting.

    Raises:
        OSError: The file cannot be created or locked.
    """
    with _connected(path) as connection:
        is_waiting = False
        while not _acquire(connection, path):
            if not is_waiting:
                on_wait(_owner(connection))
                is_waiting = True
            time.sleep(_RETRY_SECONDS)
        yield


def share(path: Path, timeout_seconds: float) -> sqlite3.Connection:
    """Acquire a shared lock, which any number of processes may hold.

    Args:
        path: The lock file. Its folder must exist.
        timeout_seconds: How long to wait while another process holds the lock exclusively.

    Returns:
        The lock, which is released by `close()` or at the end of the process.

    Raises:
        OSError, sqlite3.Error: The file cannot be created or locked.
    """
    create_file(path)
    connection = sqlite3.connect(path, timeout=timeout_seconds, check_same_thread=False)
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # acquires the lock
    return connection


@contextlib.contextmanager
def lock_unshared(path: Path) -> Iterator[bool]:
    """Yield whether no other process holds a lock; if so, none can acquire it in the block.

    Args:
        path: The lock file. Its folder must exist.
    """
    with contextlib.ExitStack() as stack:
        try:
            connection = stack.enter_context(_connected(path))
            connection.execute("BEGIN EXCLUSIVE")
        except (OSError, sqlite3.Error):
            is_free = False
        else:
            is_free = True
        yield is_free


@contextlib.contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    create_file(path)
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
    except sqlite3.Error as error:
        raise _cannot_lock(path, error) from error
    with contextlib.closing(connection):
        yield connection


def _acquire(connection: sqlite3.Connection, path: Path) -> bool:
    """Try to acquire the lock; return whether this succeeded.

    The owner is committed first: other processes can read only what is committed.
    """
    try:
        connection.execute("PRAGMA synchronous=OFF")  # after a crash no process holds the lock
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE IF NOT EXISTS owner (name TEXT)")
        connection.execute("DELETE FROM owner")
        name = f"process {os.getpid()} on {socket.gethostname()}"
        connection.execute("INSERT INTO owner VALUES (?)", [name])
        connection.execute("COMMIT")
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        if "locked" not in str(error):
            raise _cannot_lock(path, error) from error
        with contextlib.suppress(sqlite3.Error):
            connection.rollback()
        return False
    return True


def _owner(connection: sqlite3.Connection) -> str:
    try:
        row = connection.execute("SELECT name FROM owner").fetchone()
    except sqlite3.Error:  # the owner is being written
        row = None
    return row[0] if row else "another process"


def _cannot_lock(path: Path, error: sqlite3.Error) -> OSError:
    return OSError(errno.ENOLCK, f"it cannot be locked ({error})", str(path))
