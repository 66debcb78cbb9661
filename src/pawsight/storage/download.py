"""Fetch one file from afar: taken up where it broke off, checked, whole or not at all.

Knows nothing of where a file comes from: an adapter opens it from a given byte
on, and says of what goes wrong whether another try makes sense. What came so
far stays beside the file as `.part`, so that a cut connection or a stopped
process costs nothing.
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

Result = TypeVar("Result")

_TRIES = 5  # in a row without one more byte
_MOST_SECONDS = 300.0  # between two tries, whatever a server asks for


@dataclass(frozen=True, slots=True)
class Stream:
    """A file that is open for reading from some byte on.

    Attributes:
        start: The byte that the first chunk begins with: the one asked for, or
            0 where the server begins anew.
        total: Bytes of the whole file, None if that is not said.
        chunks: The bytes.
        md5: Of the whole file as the server states it, in hexadecimal digits.
    """

    start: int
    total: int | None
    chunks: Iterator[bytes]
    md5: str = ""


# From which byte on. Entering it, and reading its chunks, may raise Again or Refused.
OpenStream = Callable[[int], AbstractContextManager[Stream]]


class Again(Exception):  # noqa: N818 - it is no error of ours, but a reason to try again
    """This try failed, and the next may not.

    Attributes:
        seconds: How long the server asks to wait, None if it does not say.
    """

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.seconds = seconds


class Refused(Exception):  # noqa: N818 - an adapter makes an error for people of it
    """The file will never come; the text says why, for people."""


class GivenUp(Refused):
    """It did not come in many tries; perhaps the whole connection is gone."""


class Damaged(Refused):
    """It came, but is not what it was said to be."""


def jittered(seconds: float) -> float:
    """A little longer than asked: many at once would otherwise come back together."""
    return seconds * random.uniform(1.0, 1.5)


def wait(seconds: float) -> None:
    """Sleep a little longer than asked."""
    time.sleep(jittered(seconds))


def in_tries(call: Callable[[], Result], pause: Callable[[float], None] = wait) -> Result:
    """Call until it works, as long as another try makes sense.

    Raises:
        Refused: It does not work.
    """
    for tries in range(1, _TRIES + 1):
        try:
            return call()
        except Again as error:
            if tries == _TRIES:
                raise GivenUp(str(error)) from error
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
    """Fetch one file, or go on where an earlier try broke off.

    Args:
        open_stream: Opens the file from some byte on.
        path: Where to; it appears there whole or not at all. Its folder exists.
        version: Of the file there; what came of another version is not gone on with.
        checksum: MD5 or SHA-256 in hexadecimal digits; "" takes the MD5 that
            the server states, if it states one.
        advance: Is told of the bytes, those of an earlier process too; fewer
            than none where the server began anew.
        pause: Waits some seconds between two tries.

    Raises:
        Refused: It cannot be had, or is not the right one.
        OSError: It cannot be written here.
    """
    part = part_of(path, version)
    for _ in range(2):
        told = _Told(advance)
        stated = _fetch_part(open_stream, part, told, pause)
        if _is_right(part, checksum or stated):
            flush(part)
            part.replace(path)
            return
        part.unlink()
        told.reach(0)
    raise Damaged(
        "it came twice with a wrong checksum, so it is damaged on the way or not the right one"
    )


def part_of(path: Path, version: str) -> Path:
    """Name the file that holds what came so far."""
    mark = f".{hashlib.sha256(version.encode()).hexdigest()[:8]}" if version else ""
    return path.with_name(f"{path.name}{mark}.part")


class _Told:
    """Tells of bytes by how far the file has come, which may be less than before."""

    def __init__(self, advance: Callable[[int], None]) -> None:
        self._advance = advance
        self._at = 0

    def reach(self, at: int) -> None:
        if at != self._at:
            self._advance(at - self._at)
            self._at = at


def _fetch_part(
    open_stream: OpenStream, part: Path, told: _Told, pause: Callable[[float], None]
) -> str:
    """Fetch to the end, in as many tries as bring something; gives the MD5 the server states."""
    tries = 0
    furthest = _size(part)
    while True:
        try:
            return _fetch_once(open_stream, part, told)
        except Again as error:
            now = _size(part)
            tries = 1 if now > furthest else tries + 1
            furthest = max(now, furthest)
            if tries >= _TRIES:
                raise GivenUp(str(error)) from error
            pause(_seconds_to_wait(tries, error))


def _seconds_to_wait(tries: int, error: Again) -> float:
    return min(max(2.0 ** (tries - 1), error.seconds or 0.0), _MOST_SECONDS)


def _fetch_once(open_stream: OpenStream, part: Path, told: _Told) -> str:
    with open_stream(_size(part)) as stream:
        at = stream.start
        told.reach(at)
        with open(part, "ab" if at else "wb", opener=opener) as file:
            for chunk in stream.chunks:
                file.write(chunk)
                at += len(chunk)
                told.reach(at)
        if stream.total is not None and at != stream.total:
            if at > stream.total:  # the part is of another file; no byte of it is sure
                part.unlink()
            raise Again(f"the connection ended after {at:,} of {stream.total:,} bytes")
        return stream.md5


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _is_right(part: Path, checksum: str) -> bool:
    if not checksum:
        return True
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "md5" if len(checksum) == 32 else "sha256")
    return found.hexdigest() == checksum.lower()
