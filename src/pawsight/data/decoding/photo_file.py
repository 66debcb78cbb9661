"""Read the bytes of a photo's file, with retries for unreliable drives."""

from __future__ import annotations

import os
import stat
import time

from pawsight.errors import PhotoError
from pawsight.storage.mounts import TEMPORARY_ERRORS

MAX_BYTES = 512 * 2**20

_WAITS_SECONDS = (0.1, 0.5)  # brief failures of a network drive are mostly over by then
_NOT_REGULAR = "not a file but a folder, pipe or device"
TOO_LARGE = f"larger than {MAX_BYTES // 2**20} MiB"


def read_photo(path: str | os.PathLike[str], was_listed: bool = False) -> bytes:
    """Read a photo's file, with retries after errors of the drive.

    Args:
        path: The file.
        was_listed: Whether the file was found by listing a folder. If it is missing, the
            error then states that it was removed.

    Raises:
        PhotoError: The file is missing, cannot be read, is no regular file, or is larger
            than 512 MiB.
    """
    waits = list(_WAITS_SECONDS)
    while True:
        try:
            return _read(path)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            if not waits or getattr(error, "errno", None) not in TEMPORARY_ERRORS:
                raise PhotoError(_reason_for(error, path, was_listed)) from error
            time.sleep(waits.pop(0))


def _read(path: str | os.PathLike[str]) -> bytes:
    # Non-blocking: opening a pipe with the name of a photo would wait for a writer forever.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise PhotoError(_NOT_REGULAR)
        if status.st_size > MAX_BYTES:
            raise PhotoError(TOO_LARGE)
        parts = [os.read(handle, status.st_size + 1)]
        total = len(parts[0])
        if total == status.st_size:
            return parts[0]
        while parts[-1] and total <= MAX_BYTES:  # a short read, or the file grew meanwhile
            parts.append(os.read(handle, 2**20))
            total += len(parts[-1])
        if total > MAX_BYTES:
            raise PhotoError(TOO_LARGE)
        return b"".join(parts)
    finally:
        os.close(handle)


def _reason_for(error: Exception, path: str | os.PathLike[str], was_listed: bool) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        if "://" in os.fspath(path):
            return "an address, not a file: pass it as the source, and its photos are downloaded"
        return "the file is no longer there" if was_listed else "file not found"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if isinstance(error, IsADirectoryError):
        return _NOT_REGULAR
    return f"cannot be read: {getattr(error, 'strerror', None) or error}"
