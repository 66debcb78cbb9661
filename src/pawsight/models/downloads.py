"""Fetch the files of weights: shown, resumed where it broke off, checked, atomic.

What was fetched so far stays beside the file as `.part`, so that a cut
connection or a stopped process costs nothing.
"""

from __future__ import annotations

import base64
import hashlib
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import requests

from pawsight.errors import DiskError, ModelError
from pawsight.models.applications import ORIGIN
from pawsight.pictures.cache import alone
from pawsight.progress import Progress

_TRIES = 5  # in a row without one more byte
_TIMEOUT_SECONDS = (10.0, 30.0)  # to connect, and between two bytes
_CHUNK = 1 << 15  # bytes; a cut connection loses less than this


class _Again(Exception):  # noqa: N818 - it is no error of ours, but a reason to try again
    """This try failed, and the next may not."""


def origin() -> str:
    """Where weights come from: $PAWSIGHT_WEIGHTS_URL, such as a mirror in a classroom."""
    return os.environ.get("PAWSIGHT_WEIGHTS_URL", ORIGIN).rstrip("/") + "/"


def fetch_file(
    place: str,
    path: Path,
    checksum: str,
    name: str,
    progress: Progress,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Fetch one file, or go on where an earlier try broke off.

    Args:
        place: Its address below `origin`.
        path: Where to; it appears there whole or not at all.
        checksum: MD5 or SHA-256 in hexadecimal digits; "" takes the MD5 that
            the server states, if it states one.
        name: The network, for progress and errors.
        progress: Is told of the bytes.
        pause: Waits some seconds between two tries.

    Raises:
        ModelError: It cannot be had, or is not the right one.
        DiskError: It cannot be written.
    """
    url = origin() + place
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with alone(
            path.with_name(path.name + ".lock"),
            lambda: progress.note(f"Another pawsight is fetching the weights of {name}; waiting."),
        ):
            if path.is_file():  # it came while we waited
                return
            stated = _fetch_part(url, part, name, progress, pause)
            if not _is_right(part, checksum or stated):
                part.unlink()
                stated = _fetch_part(url, part, name, progress, pause)
                if not _is_right(part, checksum or stated):
                    part.unlink()
                    raise ModelError(
                        f"The weights of {name} came from {url} twice with a wrong checksum; "
                        f"they are damaged on the way or are not the right ones.\n"
                        + _what_to_bring(url, path)
                    )
            part.replace(path)
    except (OSError, sqlite3.Error) as error:
        raise DiskError(f"The weights of {name} cannot be written to {path}: {error}.") from error


def _fetch_part(
    url: str, part: Path, name: str, progress: Progress, pause: Callable[[float], None]
) -> str:
    """Fetch to the end, in as many tries as bring something; gives the MD5 the server states."""
    progress.start(f"Fetching the weights of {name}", None, "bytes")
    tries = 0
    while True:
        before = part.stat().st_size if part.is_file() else 0
        try:
            return _fetch_once(url, part, before, progress)
        except requests.HTTPError as error:
            raise ModelError(
                f"The weights of {name} are not to be had: {url} answers "
                f"{error.response.status_code} {error.response.reason}.\n"
                + _what_to_bring(url, part)
            ) from error
        except (_Again, requests.RequestException) as error:
            now = part.stat().st_size if part.is_file() else 0
            tries = 1 if now > before else tries + 1
            if tries >= _TRIES:
                raise ModelError(
                    f"The weights of {name} are not on this machine, and cannot be fetched from "
                    f"{url}: {_reason(error)}.\n" + _what_to_bring(url, part)
                ) from error
            pause(2.0 ** (tries - 1))


def _fetch_once(url: str, part: Path, start: int, progress: Progress) -> str:
    headers = {"Range": f"bytes={start}-"} if start else {}
    headers["Accept-Encoding"] = "identity"
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS) as answer:
        if answer.status_code == 416:  # the part is as long as the file, or longer
            length = answer.headers.get("Content-Range", "").rpartition("/")[2]
            if length == str(start):
                return _stated_md5(answer)
            part.unlink()
            raise _Again("the file there is shorter than the part that is here")
        if answer.status_code in (408, 429) or answer.status_code >= 500:
            raise _Again(f"the server answers {answer.status_code}")
        answer.raise_for_status()
        goes_on = answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(
            f"bytes {start}-"
        )
        length = answer.headers.get("Content-Length")
        at = start if goes_on else 0
        total = at + int(length) if length else None
        progress.start(f"Fetching {url.rpartition('/')[2]}", total, "bytes")
        progress.advance(at)
        with part.open("ab" if goes_on else "wb") as file:
            for chunk in answer.iter_content(_CHUNK):
                file.write(chunk)
                at += len(chunk)
                progress.advance(len(chunk))
        if total is not None and at != total:
            raise _Again(f"the connection ended after {at:,} of {total:,} bytes")
        return _stated_md5(answer)


def _stated_md5(answer: requests.Response) -> str:
    """The MD5 of the whole file as Google's storage states it, in hexadecimal digits, or ""."""
    for one in answer.headers.get("x-goog-hash", "").split(","):
        kind, _, value = one.strip().partition("=")
        if kind == "md5":
            return base64.b64decode(value).hex()
    return ""


def _is_right(part: Path, checksum: str) -> bool:
    if not checksum:
        return True
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "md5" if len(checksum) == 32 else "sha256")
    return found.hexdigest() == checksum


def _reason(error: Exception) -> str:
    if isinstance(error, requests.ConnectionError):
        return "there is no connection"
    return "it takes too long" if isinstance(error, requests.Timeout) else str(error)


def _what_to_bring(url: str, path: Path) -> str:
    name = path.name.removesuffix(".part")
    return (
        f"Fetch {name} elsewhere, from {url}\n"
        f"then give it: --weights {name} (or put it into {path.parent})."
    )
