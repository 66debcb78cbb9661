"""Fetch the archives of a set from the first mirror that has them, resumed and verified."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from pawsight.addresses import public_address
from pawsight.data.sources.known.sets import KnownSet, SetArchive
from pawsight.errors import ConfigError, SourceError
from pawsight.progress import Progress
from pawsight.storage.disk_space import check_space
from pawsight.storage.download import (
    ChecksumError,
    DownloadError,
    OpenStream,
    RetriesExhaustedError,
    RetryableError,
    Stream,
    fetch_resumed,
    part_of,
)
from pawsight.storage.http import open_http

MIRROR = "PAWSIGHT_DATA_URL"


def addresses(known_set: KnownSet, archive: SetArchive) -> tuple[str, ...]:
    """Return the URLs of an archive; if $PAWSIGHT_DATA_URL is set, only the URL on that server.

    Raises:
        ConfigError: $PAWSIGHT_DATA_URL is no URL.
    """
    mirror = os.environ.get(MIRROR)
    if mirror and not mirror.startswith(("http://", "https://")):
        raise ConfigError(
            f"{MIRROR} is '{mirror}', which is not the address of a server.\n"
            f"It should begin with http:// or https://"
        )
    if mirror:
        return (f"{mirror.rstrip('/')}/{known_set.name}/{archive.file_name}",)
    return archive.urls


def fetch_archives(known_set: KnownSet, folder: Path, progress: Progress) -> list[Path]:
    """Fetch all archives of a set; archives that are in the folder are kept.

    Args:
        known_set: The set.
        folder: An existing folder that only this process uses.
        progress: Receives the bytes, and notes on mirrors that failed.

    Returns:
        The paths of the archives, in the order of the set.

    Raises:
        SourceError: An archive cannot be fetched, or has a wrong size or checksum.
        DiskError: The disk is too full.
        OSError: The folder cannot be written.
    """
    paths = [folder / archive.file_name for archive in known_set.archives]
    num_fetched = sum(
        _size(path) or _size(part_of(path, _version(archive)))
        for path, archive in zip(paths, known_set.archives, strict=True)
    )
    check_space(folder, known_set.num_bytes - num_fetched, f"fetch {known_set.name}")
    progress.start(f"Fetching {known_set.name}", known_set.num_bytes, "bytes")
    for path, archive in zip(paths, known_set.archives, strict=True):
        if path.is_file():
            progress.advance(archive.num_bytes)
        else:
            _fetch(known_set, archive, path, progress)
    return paths


def _fetch(known_set: KnownSet, archive: SetArchive, path: Path, progress: Progress) -> None:
    """Try each mirror once, then retry the mirrors that failed temporarily."""
    problems: dict[str, DownloadError] = {}
    urls = list(addresses(known_set, archive))
    for has_retries in (False, True) if len(urls) > 1 else (True,):
        for url in list(urls):
            mirror_progress = _RevertibleProgress(progress)
            try:
                fetch_resumed(
                    _opener(url, archive, has_retries),
                    path,
                    version=_version(archive),
                    checksum=archive.checksum,
                    advance=mirror_progress.advance,
                )
            except DownloadError as error:
                problems[url] = error
                mirror_progress.undo()  # the next mirror counts the partial download again
                if not isinstance(error, RetriesExhaustedError):
                    urls.remove(url)
                if not has_retries:
                    progress.note(
                        f"{known_set.name} cannot be fetched from {public_address(url)}: {error}. "
                        f"Trying another server."
                    )
            else:
                return
    raise SourceError(_not_fetched(known_set, archive, problems))


class _RevertibleProgress:
    """Reports the bytes from one mirror, and can undo this."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._num_bytes = 0

    def advance(self, num_bytes: int) -> None:
        self._num_bytes += num_bytes
        self._progress.advance(num_bytes)

    def undo(self) -> None:
        if self._num_bytes:
            self._progress.advance(-self._num_bytes)


def _opener(url: str, archive: SetArchive, has_retries: bool) -> OpenStream:
    @contextlib.contextmanager
    def open_stream(start: int) -> Iterator[Stream]:
        import requests  # here: few commands fetch anything

        with contextlib.ExitStack() as opened:
            try:
                stream = opened.enter_context(open_http(requests.get, url, start))
            except RetryableError as error:
                if has_retries:
                    raise
                raise RetriesExhaustedError(str(error)) from error
            # Checked before hundreds of megabytes of another file are fetched.
            if stream.total not in (None, archive.num_bytes):
                raise ChecksumError(
                    f"the file there has {stream.total:,} bytes, not {archive.num_bytes:,}"
                )
            yield stream

    return open_stream


def _version(archive: SetArchive) -> str:
    """Return the version of a partial download: the checksum, else the size."""
    return archive.checksum or str(archive.num_bytes)


def _not_fetched(
    known_set: KnownSet, archive: SetArchive, problems: dict[str, DownloadError]
) -> str:
    tried = "\n".join(f"  {public_address(url)}: {problem}" for url, problem in problems.items())
    text = f"{known_set.name} is not on this machine, and cannot be fetched:\n{tried}\n"
    if any(isinstance(problem, ChecksumError) for problem in problems.values()):
        kind = "MD5" if len(archive.checksum) == 32 else "SHA-256"
        checksum = f" and the {kind} {archive.checksum}" if archive.checksum else ""
        return (
            f"{text}It should have {archive.num_bytes:,} bytes{checksum}. Perhaps the set was "
            f"changed at its source, or the network returned another page.\n"
            f"See {known_set.page}\nIf you trust the file there, unpack it and give the folder."
        )
    if all(isinstance(problem, RetriesExhaustedError) for problem in problems.values()):
        return (
            f"{text}What was fetched is kept: run the command again to resume.\n"
            f"Without the internet, name a server that has it at "
            f"{known_set.name}/{archive.file_name}: {MIRROR}=http://... pawsight ..."
        )
    return (
        f"{text}Perhaps the set has moved: see {known_set.page}\n"
        f"Fetch it from there, unpack it, and give the folder; or name a server that has it at "
        f"{known_set.name}/{archive.file_name}: {MIRROR}=http://... pawsight ..."
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
