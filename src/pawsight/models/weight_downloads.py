"""Download weights: with progress, resumed after an interruption, verified, atomic."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import requests

from pawsight.addresses import public_address, public_text
from pawsight.errors import DiskError, ModelError, first_line
from pawsight.progress import Progress
from pawsight.storage.atomic import make_dirs
from pawsight.storage.download import DownloadError, Stream, fetch_resumed, wait
from pawsight.storage.http import open_http
from pawsight.storage.locks import locked

ORIGIN = "https://storage.googleapis.com/"


def origin() -> str:
    """Return the address of the server: $PAWSIGHT_WEIGHTS_URL, such as a local mirror, if set."""
    return os.environ.get("PAWSIGHT_WEIGHTS_URL", ORIGIN).rstrip("/") + "/"


def fetch_file(
    address: str,
    path: Path,
    checksum: str,
    name: str,
    progress: Progress,
    pause: Callable[[float], None] = wait,
) -> None:
    """Download one file, or continue an interrupted download.

    Args:
        address: Address of the file, relative to `origin`.
        path: The file to write; it appears when the download is complete and verified.
        checksum: MD5 or SHA-256 in hexadecimal digits; "" takes the MD5 that
            the server states, if any.
        name: The network's name, for progress and errors.
        progress: Receives the number of bytes.
        pause: Waits the given seconds between two attempts.

    Raises:
        ModelError: The file cannot be downloaded, or has another checksum.
        DiskError: The file cannot be written.
    """
    url = origin() + address
    progress.start(f"Fetching the weights of {name}", None, "bytes")

    @contextlib.contextmanager
    def open_stream(start: int) -> Iterator[Stream]:
        with open_http(requests.get, url, start) as stream:
            if stream.total is not None:
                progress.advance(0, total=stream.total)
            yield stream

    try:
        make_dirs(path.parent)
        with locked(
            path.with_name(path.name + ".lock"),
            lambda owner: progress.note(
                f"Waiting for {owner}, which is fetching the weights of {name}."
            ),
        ):
            if path.is_file():  # another process downloaded it meanwhile
                return
            fetch_resumed(
                open_stream, path, checksum=checksum, advance=progress.advance, pause=pause
            )
    except DownloadError as error:
        shown = public_address(url)
        raise ModelError(
            f"The weights of {name} are not on this machine, and cannot be fetched from {shown}: "
            f"{public_text(str(error))}.\n"
            f"Download {path.name} elsewhere, from {shown}\n"
            f"then give it: --weights {path.name} (or put it into {path.parent})."
        ) from error
    except OSError as error:
        raise DiskError(
            f"The weights of {name} cannot be written to {path}: {first_line(error)}."
        ) from error
