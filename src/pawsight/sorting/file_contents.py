"""Compare, hash and copy the bytes of photos.

An error of the photo itself raises a PhotoError, after which the sort continues. An
OSError concerns the target, and stops the sort.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pawsight.errors import PhotoError
from pawsight.storage.atomic import flush

# os, not pathlib: files are opened without blocking.
# ruff: noqa: PTH101, PTH116, PTH121

CHANGED = "the file changed while photos were sorted; sort again"
_CHUNK_BYTES = 1 << 20
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class CopiedFile:
    """A file that was copied."""

    size: int  # in bytes
    mtime_ns: int  # time of last change
    sha256: str  # of the bytes, in hex


def is_same_content(first: str, second: str) -> bool:
    """Return whether two files have the same bytes; False if one of them cannot be read."""
    try:
        if os.path.samefile(first, second):
            return True
        with _reading(first) as a, _reading(second) as b:
            if os.fstat(a.fileno()).st_size != os.fstat(b.fileno()).st_size:
                return False
            while chunk := a.read(_CHUNK_BYTES):
                if chunk != b.read(_CHUNK_BYTES):
                    return False
            return not b.read(1)
    except (OSError, PhotoError):
        return False


def hash_file(path: str) -> str:
    """Compute the SHA-256 of a file, in hex.

    Raises:
        PhotoError: The file cannot be read.
    """
    digest = hashlib.sha256()
    with _reading(path) as file:
        for chunk in _chunks(file):
            digest.update(chunk)
    return digest.hexdigest()


def copy_file(source: str, part: str, must_last: bool) -> CopiedFile:
    """Copy a photo and its times into a temporary file, and return what was copied.

    Args:
        source: The photo; a link is followed.
        part: The new file; it must not exist.
        must_last: Whether to flush the bytes to the disk and to read them back, since the
            original is removed afterwards.

    Raises:
        PhotoError: The photo cannot be read, or changed while it was copied.
        OSError: The copy cannot be written.
    """
    digest = hashlib.sha256()
    with _reading(source) as reading, open(part, "xb") as writing:
        before = os.fstat(reading.fileno())
        for chunk in _chunks(reading):
            digest.update(chunk)
            writing.write(chunk)
        if must_last:
            writing.flush()
            os.fsync(writing.fileno())
            # Drop the page cache, so that the bytes are read back from the disk.
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(writing.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        after = os.fstat(reading.fileno())
    _copy_metadata(source, before, part)  # after closing, when some network drives set the time
    copied = CopiedFile(before.st_size, before.st_mtime_ns, digest.hexdigest())
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise PhotoError(CHANGED)
    if os.stat(part).st_size != copied.size or (must_last and hash_file(part) != copied.sha256):
        raise OSError("the copy does not read back as written")
    return copied


def sync_folder(folder: str) -> None:
    """Flush the entries of a folder to the disk, if the system supports it."""
    with contextlib.suppress(OSError):
        flush(Path(folder))


def reason(error: OSError | ValueError) -> str:
    """Return the reason why a photo cannot be used, in a few words."""
    if isinstance(error, FileNotFoundError):
        return "file not found"
    if isinstance(error, PermissionError):
        return "no permission"
    return f"the file cannot be reached: {getattr(error, 'strerror', None) or error}"


@contextlib.contextmanager
def _reading(path: str) -> Iterator[BinaryIO]:
    try:
        # Non-blocking: opening a pipe with the name of a photo would wait for a writer forever.
        file = open(os.open(path, _READ), "rb")  # noqa: SIM115 - closed below
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise PhotoError(reason(error)) from error
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise PhotoError("not a file but a folder, pipe or device")
        yield file


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the content of a file; raise PhotoError if it cannot be read."""
    while True:
        try:
            chunk = file.read(_CHUNK_BYTES)
        except OSError as error:
            raise PhotoError(reason(error)) from error
        if not chunk:
            return
        yield chunk


def _copy_metadata(source: str, facts: os.stat_result, part: str) -> None:
    """Copy the times, permissions and attributes of a photo, as far as the disk supports them."""
    with contextlib.suppress(OSError):
        # Writable by the owner, so that every copy can be removed.
        os.chmod(part, stat.S_IMODE(facts.st_mode) & 0o777 | stat.S_IWUSR)
    with contextlib.suppress(OSError, AttributeError):  # no such attributes on macOS and Windows
        for name in os.listxattr(source):
            if name.startswith("user."):
                os.setxattr(part, name, os.getxattr(source, name))
    with contextlib.suppress(OSError):
        os.utime(part, ns=(facts.st_atime_ns, facts.st_mtime_ns))
