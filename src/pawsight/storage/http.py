"""Resumable HTTP downloads, with `requests` or a compatible client."""

from __future__ import annotations

import base64
import contextlib
import email.utils
import time
from collections.abc import Callable, Iterator
from typing import Any

from pawsight.errors import first_line
from pawsight.storage.download import DownloadError, RetryableError, Stream

TIMEOUT_SECONDS = (10.0, 30.0)  # to connect, and between two bytes
_CHUNK_BYTES = 1 << 15  # a broken connection loses less than this


def is_busy(status: int) -> bool:
    """Return whether an HTTP status is temporary, so that a retry may succeed."""
    return status in (408, 429) or status >= 500


def check_status(response: Any) -> None:
    """Check the status of a response.

    Raises:
        RetryableError: The status is a temporary error.
        DownloadError: The status is another error.
    """
    if is_busy(response.status_code):
        wait = retry_after_seconds(response.headers.get("Retry-After", ""))
        raise RetryableError(
            f"the server responds {response.status_code}", wait, response.status_code
        )
    if response.status_code >= 400:
        reason = f"the server responds {response.status_code} {response.reason}".rstrip()
        raise DownloadError(reason, response.status_code)


@contextlib.contextmanager
def open_http(
    get: Callable[..., Any],
    url: str,
    start: int,
    check_status: Callable[[Any], None] = check_status,
) -> Iterator[Stream]:
    """Open a file over HTTP at a byte offset.

    Args:
        get: `requests.get`, or the method of a session.
        url: The URL of the file.
        start: The offset of the first byte.
        check_status: Checks the status of a response.

    Yields:
        The stream; it starts at 0 if the server does not support ranges, or if the
        remote file is shorter than `start`.

    Raises:
        RetryableError: The connection is broken, or the error is temporary.
        DownloadError: The server refuses the file.
    """
    with translated(), contextlib.ExitStack() as opened:
        response = opened.enter_context(_request(get, url, start))
        if response.status_code == 416:  # the part is as long as the file, or longer
            if _content_range(response)[1] == start:
                yield Stream(start, start, iter(()), _stated_md5(response))
                return
            response = opened.enter_context(_request(get, url, 0))
        check_status(response)
        first, total = _content_range(response) if response.status_code == 206 else (0, None)
        if first not in (0, start):
            raise RetryableError("the server sent another range than requested")
        length = response.headers.get("Content-Length", "")
        if total is None and length.isdecimal() and not response.headers.get("Content-Encoding"):
            total = first + int(length)
        yield Stream(first, total, response.iter_content(_CHUNK_BYTES), _stated_md5(response))


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Translate the exceptions of `requests` into `RetryableError`."""
    import requests  # here: few commands fetch anything

    try:
        yield
    except requests.ConnectionError as error:
        raise RetryableError("there is no connection") from error
    except requests.Timeout as error:
        raise RetryableError("it timed out") from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise RetryableError("the connection was broken") from error
    except requests.RequestException as error:
        raise RetryableError(first_line(error)) from error


def retry_after_seconds(stated: str) -> float | None:
    """Return the seconds of a Retry-After header, which may be a date; None if it is invalid."""
    if stated.strip().isdecimal():
        return float(stated)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(stated).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _request(get: Callable[..., Any], url: str, start: int) -> Any:
    # With a content encoding, bytes could be neither counted nor resumed.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    return get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS)


def _content_range(response: Any) -> tuple[int, int | None]:
    """Return the first byte and the total size of `bytes 5-9/10` or `bytes */10`."""
    piece, _, total = (
        response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    )
    first = piece.partition("-")[0]
    return int(first) if first.isdecimal() else 0, int(total) if total.isdecimal() else None


def _stated_md5(response: Any) -> str:
    """Return the MD5 that Google Cloud Storage states for a file, in hexadecimal digits, or ""."""
    for entry in response.headers.get("x-goog-hash", "").split(","):
        kind, _, value = entry.strip().partition("=")
        if kind == "md5":
            with contextlib.suppress(ValueError):  # it is not Base64
                return base64.b64decode(value).hex()
    return ""
