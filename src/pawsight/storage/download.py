"""Resumable, verified, atomic downloads.

Independent of the protocol: an adapter opens a file at a byte offset, and raises
`RetryableError` for errors that a retry may solve. The bytes so far are kept beside the
file as `.part`, so that a broken connection or a killed process costs nothing.
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

    # The byte that the first chunk begins with: the one requested, or 0 where the server starts
    # again.
    start: int
    total: int | None  # bytes of the whole file, None if unknown
    chunks: Iterator[bytes]
    md5: str = ""  # of the whole file as the server states it, in hexadecimal digits


# From which byte on. Entering it and reading its chunks may raise RetryableError, DownloadError.
OpenStream = Callable[[int], AbstractContextManager[Stream]]


class RetryableError(Exception):
    """This try failed; the next one may succeed.

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
    """All tries failed; perhaps there is no connection."""


class ChecksumError(DownloadError):
    """The file does not match its checksum or size."""


def jittered(seconds: float) -> float:
    """Return a slightly longer, random time, so that many clients do not retry at once."""
    return seconds * random.uniform(1.0, 1.5)


def wait(seconds: float) -> None:
    """Sleep for at least so many seconds."""
    time.sleep(jittered(seconds))


def with_retries(call: Callable[[], Result], pause: Callable[[float], None] = wait) -> Result:
    """Call until it succeeds or retrying is pointless.

    Raises:
        DownloadError: It failed.
    """
    for tries in range(1, _TRIES + 1):
        try:
            return call()
        except RetryableError as error:
            if tries == _TRIES:
                raise RetriesExhaustedError(str(error), error.status) from error
            pause(_seconds_to_wait(tries, error))
    raise AssertionError  # the last try returns or raises


def fetch_resumed(
    open_stream: OpenStream,
    path: Path,
    *,
    version: str = "",
    checksum: str = "",
    advance: Callable[[int], None],
    pause: Callable[[float], None] = wait,
) -> None:
    """Fetch one file, resuming an earlier try.

    Args:
        open_stream: Opens the file at some offset.
        path: The target, written atomically. Its folder exists.
        version: Of the file there; a part of another version is not resumed.
        checksum: MD5 or SHA-256 in hexadecimal digits; "" takes the MD5 that
            the server states, if it states one.
        advance: Receives the number of bytes, with those of an earlier process;
            negative where the server started again.
        pause: Waits some seconds between two tries.

    Raises:
        DownloadError: It cannot be fetched, or is not the right one.
        OSError: It cannot be written here.
    """
    part = part_of(path, version)
    for _ in range(2):
        reported = _DownloadProgress(advance)
        stated = _fetch_part(open_stream, part, reported, pause)
        expected = checksum or stated
        if not expected or has_checksum(part, expected):
            flush(part)
            part.replace(path)
            return
        part.unlink()
        reported.reach(0)
    raise ChecksumError("it arrived twice with a wrong checksum, so it is damaged or another file")


def part_of(path: Path, version: str) -> Path:
    """Return the path of the partial download."""
    mark = f".{hashlib.sha256(version.encode()).hexdigest()[:8]}" if version else ""
    return path.with_name(f"{path.name}{mark}.part")


class _DownloadProgress:
    """Reports the change of the number of bytes, which may shrink."""

    def __init__(self, advance: Callable[[int], None]) -> None:
        self._advance = advance
        self._at = 0

    def reach(self, at: int) -> None:
        if at != self._at:
            self._advance(at - self._at)
            self._at = at


def _fetch_part(
    open_stream: OpenStream, part: Path, reported: _DownloadProgress, pause: Callable[[float], None]
) -> str:
    """Fetch to the end, retrying as long as there is progress; return the server's MD5."""
    tries = 0
    furthest = _size(part)
    while True:
        try:
            return _fetch_once(open_stream, part, reported)
        except RetryableError as error:
            now = _size(part)
            tries = 1 if now > furthest else tries + 1
            furthest = max(now, furthest)
            if tries >= _TRIES:
                raise RetriesExhaustedError(str(error), error.status) from error
            pause(_seconds_to_wait(tries, error))


def _seconds_to_wait(tries: int, error: RetryableError) -> float:
    return min(max(2.0 ** (tries - 1), error.seconds or 0.0), _MAX_SECONDS)


def _fetch_once(open_stream: OpenStream, part: Path, reported: _DownloadProgress) -> str:
    with open_stream(_size(part)) as stream:
        at = stream.start
        reported.reach(at)
        with open(part, "ab" if at else "wb", opener=opener) as file:
            for chunk in stream.chunks:
                file.write(chunk)
                at += len(chunk)
                reported.reach(at)
        if stream.total is not None and at != stream.total:
            if at > stream.total:  # the part is of another file
                part.unlink()
            raise RetryableError(f"the connection ended after {at:,} of {stream.total:,} bytes")
        return stream.md5


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0
