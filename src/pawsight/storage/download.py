"""Resumable, verified, atomic downloads.

This module is independent of the protocol: an adapter opens a file at a byte offset, and
raises `RetryableError` for errors that a retry may solve. The bytes received so far are
kept beside the file as `.part`, so that a download continues after a broken connection or
a killed process.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pawsight.storage.atomic import flush, opener
from pawsight.storage.checksum import has_checksum

Result = TypeVar("Result")

_TRIES = 5  # in a row without progress
_MAX_SECONDS = 300.0  # between two tries, whatever the server's Retry-After


@dataclass(frozen=True, slots=True)
class Stream:
    """A file that is open for reading at some offset."""

    start: int  # offset of the first chunk: as requested, or 0 if the server starts again
    total: int | None  # bytes of the whole file, None if unknown
    chunks: Iterator[bytes]
    md5: str = ""  # of the whole file as the server states it, in hexadecimal digits


# Opens a file at a byte offset. Entering the context and reading the chunks may raise
# RetryableError and DownloadError.
OpenStream = Callable[[int], AbstractContextManager[Stream]]


class RetryableError(Exception):
    """An attempt failed; a retry may succeed.

    Attributes:
        seconds: How long the server asks to wait, None if it does not.
        status: The HTTP status, None where there is none.
    """

    def __init__(
        self, reason: str, seconds: float | None = None, status: int | None = None
    ) -> None:
        super().__init__(reason)
        self.seconds = seconds
        self.status = status


class DownloadError(Exception):
    """The file cannot be fetched; the text is the reason, for display.

    Attributes:
        status: The HTTP status, None where there is none.
    """

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class RetriesExhaustedError(DownloadError):
    """All attempts failed; perhaps there is no connection."""


class ChecksumError(DownloadError):
    """The file does not match its checksum or size."""


def jittered(seconds: float) -> float:
    """Return a slightly longer, random time, so that many clients do not retry at once."""
    return seconds * random.uniform(1.0, 1.5)


def wait(seconds: float) -> None:
    """Sleep for at least so many seconds."""
    time.sleep(jittered(seconds))


def with_retries(call: Callable[[], Result], pause: Callable[[float], None] = wait) -> Result:
    """Return the result of a function, called again after a pause where a retry may succeed.

    Args:
        call: The function; it raises RetryableError where a retry may succeed.
        pause: Waits the given seconds between two attempts.

    Raises:
        RetriesExhaustedError: All attempts failed.
    """
    for tries in range(1, _TRIES + 1):
        try:
            return call()
        except RetryableError as error:
            if tries == _TRIES:
                raise RetriesExhaustedError(str(error), error.status) from error
            pause(_seconds_to_wait(tries, error))
    raise AssertionError  # the last attempt returns or raises


def fetch_resumed(
    open_stream: OpenStream,
    path: Path,
    *,
    version: str = "",
    checksum: str = "",
    advance: Callable[[int], None],
    pause: Callable[[float], None] = wait,
) -> None:
    """Fetch one file, resuming a partial download.

    Args:
        open_stream: Opens the remote file at a byte offset.
        path: The target, written atomically. Its folder exists.
        version: Identifies the content of the remote file; a partial download of another
            version is not resumed.
        checksum: MD5 or SHA-256 in hexadecimal digits; "" uses the MD5 that the
            server states, if any.
        advance: Receives numbers of bytes, those of an earlier process included;
            negative where the server starts again.
        pause: Waits the given seconds between two attempts.

    Raises:
        DownloadError: The file cannot be fetched, or its checksum is wrong.
        OSError: The file cannot be written on this machine.
    """
    part = part_of(path, version)
    for _ in range(2):
        progress = _DownloadProgress(advance)
        stated_md5 = _fetch_part(open_stream, part, progress, pause)
        expected = checksum or stated_md5
        if not expected or has_checksum(part, expected):
            flush(part)
            part.replace(path)
            return
        part.unlink()
        progress.update(0)
    raise ChecksumError("it arrived twice with a wrong checksum, so it is damaged or another file")


def part_of(path: Path, version: str) -> Path:
    """Return the path of the partial download of a file."""
    mark = f".{hashlib.sha256(version.encode()).hexdigest()[:8]}" if version else ""
    return path.with_name(f"{path.name}{mark}.part")


class _DownloadProgress:
    """Reports each change of the number of bytes, which may also decrease."""

    def __init__(self, advance: Callable[[int], None]) -> None:
        self._advance = advance
        self._num_bytes = 0

    def update(self, num_bytes: int) -> None:
        if num_bytes != self._num_bytes:
            self._advance(num_bytes - self._num_bytes)
            self._num_bytes = num_bytes


def _fetch_part(
    open_stream: OpenStream, part: Path, progress: _DownloadProgress, pause: Callable[[float], None]
) -> str:
    """Fetch to the end, retrying as long as bytes arrive; return the MD5 that the server states."""
    tries = 0
    max_size = _size(part)
    while True:
        try:
            return _fetch_once(open_stream, part, progress)
        except RetryableError as error:
            size = _size(part)
            tries = 1 if size > max_size else tries + 1
            max_size = max(size, max_size)
            if tries >= _TRIES:
                raise RetriesExhaustedError(str(error), error.status) from error
            pause(_seconds_to_wait(tries, error))


def _seconds_to_wait(tries: int, error: RetryableError) -> float:
    return min(max(2.0 ** (tries - 1), error.seconds or 0.0), _MAX_SECONDS)


def _fetch_once(open_stream: OpenStream, part: Path, progress: _DownloadProgress) -> str:
    with open_stream(_size(part)) as stream:
        size = stream.start
        progress.update(size)
        with open(part, "ab" if size else "wb", opener=opener) as file:
            for chunk in stream.chunks:
                file.write(chunk)
                size += len(chunk)
                progress.update(size)
        if stream.total is not None and size != stream.total:
            if size > stream.total:  # the part is of another file
                part.unlink()
            raise RetryableError(f"the connection ended after {size:,} of {stream.total:,} bytes")
        return stream.md5


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0
