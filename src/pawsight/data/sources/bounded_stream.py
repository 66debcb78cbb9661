"""Streams of archives with a limit for each read, so that an archive cannot exhaust the memory.

tarfile and zipfile read a header into memory whatever its size: a .tar.gz of 1 MB
may contain a header of 1 GB.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar, cast

Result = TypeVar("Result")

_OPENERS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}


class TooLargeError(Exception):
    """A header of an archive exceeds the limit."""


class BoundedStream:
    """A stream of an archive that limits how much is read.

    It has only the methods that tarfile and zipfile call, so it is cast to Any there.

    Args:
        stream: The bytes of the archive, decompressed.
        max_bytes: The limit for one call of `read`.
    """

    def __init__(self, stream: BinaryIO, max_bytes: int) -> None:
        self._stream, self._max_bytes = stream, max_bytes
        self._left: int | None = None  # bytes that `within` still allows
        self.seek: Any = stream.seek
        self.tell: Any = stream.tell
        self.seekable: Any = stream.seekable

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes; raises TooLargeError."""
        most = self._max_bytes if self._left is None else min(self._max_bytes, self._left)
        data = self._stream.read(most + 1 if size < 0 or size > most else size)
        if len(data) > most:
            raise TooLargeError
        if self._left is not None:
            self._left -= len(data)
        return data

    def within(self, max_bytes: int, step: Callable[[], Result]) -> Result:
        """Run a function that may read `max_bytes` in total; raises TooLargeError."""
        self._left = max_bytes
        try:
            return step()
        finally:
            self._left = None


def decompressed(file: BinaryIO) -> BinaryIO:
    """Return a stream of the decompressed bytes of a gzip, bzip2 or xz file, else the file."""
    start = file.read(6)
    file.seek(0)
    for magic, opener in _OPENERS.items():
        if start.startswith(magic):
            return cast(BinaryIO, opener(file, "rb"))
    return file
