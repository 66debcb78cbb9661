"""A folder on a slow network drive: its photos are copied to this machine once, then used here.

Reading thousands of small files over a mount takes a wait per file. How long
that is, is measured on a few files; where it is long, all are copied at once,
many at a time. The next time only what changed is copied.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pawsight.config import Staging
from pawsight.data.file_types import is_system_folder, is_wanted
from pawsight.data.sources import folder as plain_folder
from pawsight.data.sources.mirror import (
    RemoteFile,
    copied_folder,
    copy_all,
    safe_path,
    unique_paths,
)
from pawsight.data.sources.source import Source
from pawsight.errors import DiskError, SourceError, first_line
from pawsight.progress import Progress
from pawsight.storage.download import DownloadError, RetryableError, Stream
from pawsight.storage.mounts import TEMPORARY_ERRORS, network_drive

SLOW_FILES_PER_SECOND = 100.0  # one after the other; a disk of this machine gives thousands
_MEASURED_FILES = 24
_MEASURED_SECONDS = 3.0
_CHUNK_BYTES = 1 << 20
_LISTING_WAITS_SECONDS = (0.5, 2.0)  # after a drive stumbled


def fetch(
    path: Path, progress: Progress, staging: Staging = "auto", allow_missing: bool = False
) -> Source:
    """Return a folder where it is, or a copy of it if it is on a slow network drive.

    Args:
        path: The folder.
        progress: Receives the speed of the drive, and the copying.
        staging: "auto" copies from network drives that are measured to be slow,
            "always" from any place, "never" not at all.
        allow_missing: As `copy_all` takes it.

    Raises:
        SourceError: The folder cannot be listed, is empty, or its files cannot be copied.
        DiskError: There is no space for a copy that was requested.
    """
    source = plain_folder.fetch(path)
    drive = "" if staging == "never" else network_drive(source.root)
    if staging == "never" or (staging == "auto" and not drive):
        return source
    progress.start("Listing the folder", None, "files")
    files = _list_files(source.root, progress)
    if not files:
        return source
    place = str(source.root)
    if staging == "auto" and not copied_folder(source.name, place).is_dir():
        speed = files_per_second([path for path, _ in files], progress)
        progress.note(_in_words(source.root, drive, speed, len(files)))
        if speed >= SLOW_FILES_PER_SECOND:
            return source
    try:
        copied = copy_all(
            *(source.name, place, [file for _, file in files], progress),
            allow_missing=allow_missing,
        )
    except DiskError as error:
        if staging == "always":
            raise
        progress.note(f"{first_line(error)} The photos are read where they are, slowly.")
        return source
    return Source(source.name, copied)


def files_per_second(paths: list[Path], progress: Progress) -> float:
    """Measure how many files a drive gives in a second, read one after the other.

    Args:
        paths: Some are chosen at random, so that another time others are read: what
            was read before comes out of the memory of this machine.
        progress: Receives the files read.
    """
    chosen = random.Random().sample(paths, min(_MEASURED_FILES, len(paths)))
    progress.start("Measuring how fast the drive is", len(chosen), "files")
    began, num_read = time.perf_counter(), 0
    for path in chosen:
        with contextlib.suppress(OSError):  # copying reports the error
            read_whole(path)
        progress.advance(1)
        num_read += 1
        if time.perf_counter() - began > _MEASURED_SECONDS:
            break
    return num_read / max(time.perf_counter() - began, 1e-9)


def read_whole(path: Path) -> None:
    """Read a file from its beginning to its end."""
    with path.open("rb") as file:
        while file.read(_CHUNK_BYTES):
            pass


def _in_words(root: Path, drive: str, speed: float, num_files: int) -> str:
    reported = f"{root} is on a network drive ({drive}) that gave {speed:,.0f} files a second"
    if speed >= SLOW_FILES_PER_SECOND:
        return f"{reported}: fast enough to read the photos from."
    minutes = num_files / speed / 60
    return (
        f"{reported}; one by one, all {num_files:,} would take {minutes:,.0f} min. They are "
        f"copied to this machine once, many at a time, and used from there "
        f"(--set stage=never reads them where they are)."
    )


def _list_files(root: Path, progress: Progress) -> list[tuple[Path, RemoteFile]]:
    """List the photos and tables below a folder, in order of name."""
    files: list[tuple[Path, RemoteFile]] = []
    entered: set[tuple[int, int]] = set()
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        parts = waiting.pop()
        facts, entries = _scan_folder(root.joinpath(*parts))
        if (facts.st_dev, facts.st_ino) in entered:  # a link back up
            continue
        entered.add((facts.st_dev, facts.st_ino))
        num_before = len(files)
        for entry in entries:
            inner = (*parts, entry.name)
            if entry.is_dir():
                if not is_system_folder(entry.name):
                    waiting.append(inner)
            elif entry.is_file() and is_wanted(parts, entry.name):
                with contextlib.suppress(OSError):  # it is gone meanwhile
                    files.append((Path(entry), _remote(Path(entry), safe_path(inner))))
        progress.advance(len(files) - num_before)
    files.sort(key=lambda pair: pair[0])
    names = unique_paths(file.path for _, file in files)
    return [
        (path, dataclasses.replace(file, path=name))
        for (path, file), name in zip(files, names, strict=True)
    ]


def _scan_folder(folder: Path) -> tuple[os.stat_result, list[os.DirEntry[str]]]:
    """Return the facts of a folder and its entries; passing errors of the drive are retried."""
    waits = list(_LISTING_WAITS_SECONDS)
    while True:
        try:
            with os.scandir(folder) as entries:
                return folder.stat(), list(entries)
        except OSError as error:
            if error.errno not in TEMPORARY_ERRORS or not waits:
                raise SourceError(
                    f"The folder {folder} cannot be read: {error.strerror or error}.\n"
                    f"Is the drive still there? Run the command again, or move the folder away."
                ) from error
            time.sleep(waits.pop(0))


def _remote(path: Path, name: str) -> RemoteFile:
    facts = path.stat()

    def refreshed() -> RemoteFile:
        try:
            return _remote(path, name)
        except OSError as error:
            raise _translated(error) from error

    return RemoteFile(
        path=name,
        size=facts.st_size,
        version=f"{facts.st_size} {facts.st_mtime_ns}",
        open_stream=functools.partial(open_stream, path),
        refreshed=refreshed,
    )


@contextlib.contextmanager
def open_stream(path: Path, start: int) -> Iterator[Stream]:
    """Open a file on a drive from some byte on, as an `OpenStream`."""
    try:
        file = path.open("rb")
        file.seek(start)
    except OSError as error:
        raise _translated(error) from error
    with file:
        yield Stream(start, None, _chunks(file))


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while True:
        # Caught here: what reads these chunks writes them to a disk with its own errors.
        try:
            chunk = file.read(_CHUNK_BYTES)
        except OSError as error:
            raise _translated(error) from error
        if not chunk:
            return
        yield chunk


def _translated(error: OSError) -> RetryableError | DownloadError:
    reason = f"the drive reports: {error.strerror or error}"
    return RetryableError(reason) if error.errno in TEMPORARY_ERRORS else DownloadError(reason)
