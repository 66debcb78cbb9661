"""Read the bytes of one photo, with retries for unreliable drives."""

from __future__ import annotations

import os
import stat
import time

from pawsight.errors import PhotoError
from pawsight.storage.mounts import PASSING_ERRORS

MAX_BYTES = 512 * 2**20

_WAITS_SECONDS = (0.1, 0.5)  # a network drive that stumbled is mostly back by then
_NOT_REGULAR = "not a file but a folder, pipe or device"
TOO_LARGE = f"larger than {MAX_BYTES // 2**20} MiB"


def read_photo(path: str | os.PathLike[str], was_listed: bool = False) -> bytes:
    """Read a photo's file, with retries after errors of the drive.

    Raises:
        PhotoError: It vanished, may not be read, is no regular file, or is larger
            than 512 MiB.
    """
    waits = list(_WAITS_SECONDS)
    while True:
        try:
            return _read(path)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            if not waits or getattr(error, "errno", None) not in PASSING_ERRORS:
                raise PhotoError(_why(error, path, was_listed)) from error
            time.sleep(waits.pop(0))


def _read(path: str | os.PathLike[str]) -> bytes:
    # Without waiting: a pipe that took the place of a photo would wait for a writer forever.
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


def _why(error: Exception, path: str | os.PathLike[str], was_listed: bool) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        if "://" in os.fspath(path):
            return "an address, and no file: name it as a source, and its photos are fetched"
        return "the file is no longer there" if was_listed else "file not found"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if isinstance(error, IsADirectoryError):
        return _NOT_REGULAR
    return f"cannot be read: {getattr(error, 'strerror', None) or error}"
