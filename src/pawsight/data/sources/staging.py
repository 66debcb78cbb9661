"""Copy a folder on a slow network drive to this machine, and use the copy.

Each file of a network drive has a latency, which adds up for thousands of small files. The
latency is measured on a few files. If the drive is slow, all files are copied, many at a
time; later only files that have changed.
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
from pawsight.data.sources import folder as local_folder
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

MIN_FILES_PER_SECOND = 100.0  # of a fast drive, read one by one; a local disk reads thousands
_MAX_MEASURED_FILES = 24
_MAX_MEASURED_SECONDS = 3.0
_CHUNK_BYTES = 1 << 20
_RETRY_SECONDS = (0.5, 2.0)  # waits before the folder is listed again after a temporary error


def fetch(
    path: Path, progress: Progress, staging: Staging = "auto", allow_missing: bool = False
) -> Source:
    """Return a folder, or a copy of it if it is on a slow network drive.

    Args:
        path: The folder.
        progress: Receives the speed of the drive, and the progress of copying.
        staging: "auto" copies folders on slow network drives, "always" copies all folders,
            "never" copies none.
        allow_missing: See `copy_all`.

    Raises:
        SourceError: The folder cannot be listed, is empty, or its files cannot be copied.
        DiskError: There is no space for the copy, and `staging` is "always".
    """
    source = local_folder.fetch(path)
    drive = "" if staging == "never" else network_drive(source.root)
    if staging == "never" or (staging == "auto" and not drive):
        return source
    progress.start("Listing the folder", None, "files")
    files = _list_files(source.root, progress)
    if not files:
        return source
    origin = str(source.root)
    if staging == "auto" and not copied_folder(source.name, origin).is_dir():
        speed = files_per_second([path for path, _ in files], progress)
        progress.note(_describe_speed(source.root, drive, speed, len(files)))
        if speed >= MIN_FILES_PER_SECOND:
            return source
    try:
        root = copy_all(
            *(source.name, origin, [file for _, file in files], progress),
            allow_missing=allow_missing,
        )
    except DiskError as error:
        if staging == "always":
            raise
        progress.note(f"{first_line(error)} The photos are read from the slow drive.")
        return source
    return Source(source.name, root)


def files_per_second(paths: list[Path], progress: Progress) -> float:
    """Measure how many files a drive reads in a second, one after the other.

    Args:
        paths: The files. Some are chosen at random, so that another call reads other files:
            files that were read before are in the cache of the operating system.
        progress: Receives the number of files read.
    """
    chosen = random.Random().sample(paths, min(_MAX_MEASURED_FILES, len(paths)))
    progress.start("Measuring the speed of the drive", len(chosen), "files")
    start, num_read = time.perf_counter(), 0
    for path in chosen:
        with contextlib.suppress(OSError):  # copying reports the error
            read_whole(path)
        progress.advance(1)
        num_read += 1
        if time.perf_counter() - start > _MAX_MEASURED_SECONDS:
            break
    return num_read / max(time.perf_counter() - start, 1e-9)


def read_whole(path: Path) -> None:
    """Read a file from its beginning to its end."""
    with path.open("rb") as file:
        while file.read(_CHUNK_BYTES):
            pass


def _describe_speed(root: Path, drive: str, speed: float, num_files: int) -> str:
    measured = f"{root} is on a network drive ({drive}) that reads {speed:,.0f} files a second"
    if speed >= MIN_FILES_PER_SECOND:
        return f"{measured}, which is fast enough to use the photos there."
    minutes = num_files / speed / 60
    return (
        f"{measured}; one by one, all {num_files:,} would take {minutes:,.0f} min. They are "
        f"copied to this machine, many at a time, and the copy is used "
        f"(--set stage=never uses them where they are)."
    )


def _list_files(root: Path, progress: Progress) -> list[tuple[Path, RemoteFile]]:
    """List the photos and tables below a folder, in order of name."""
    files: list[tuple[Path, RemoteFile]] = []
    entered: set[tuple[int, int]] = set()
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        parts = waiting.pop()
        facts, entries = _scan_folder(root.joinpath(*parts))
        if (facts.st_dev, facts.st_ino) in entered:  # a loop of links
            continue
        entered.add((facts.st_dev, facts.st_ino))
        num_before = len(files)
        for entry in entries:
            inner = (*parts, entry.name)
            if entry.is_dir():
                if not is_system_folder(entry.name):
                    waiting.append(inner)
            elif entry.is_file() and is_wanted(parts, entry.name):
                with contextlib.suppress(OSError):  # the file was removed meanwhile
                    files.append((Path(entry), _remote_file(Path(entry), safe_path(inner))))
        progress.advance(len(files) - num_before)
    files.sort(key=lambda pair: pair[0])
    names = unique_paths(file.path for _, file in files)
    return [
        (path, dataclasses.replace(file, path=name))
        for (path, file), name in zip(files, names, strict=True)
    ]


def _scan_folder(folder: Path) -> tuple[os.stat_result, list[os.DirEntry[str]]]:
    """Return the status and the entries of a folder; temporary errors are retried."""
    waits = list(_RETRY_SECONDS)
    while True:
        try:
            with os.scandir(folder) as entries:
                return folder.stat(), list(entries)
        except OSError as error:
            if error.errno not in TEMPORARY_ERRORS or not waits:
                raise SourceError(
                    f"The folder {folder} cannot be read: {error.strerror or error}.\n"
                    f"Check that the drive is connected and run the command again, or move this "
                    f"folder out of the source."
                ) from error
            time.sleep(waits.pop(0))


def _remote_file(path: Path, name: str) -> RemoteFile:
    status = path.stat()

    def refreshed() -> RemoteFile:
        try:
            return _remote_file(path, name)
        except OSError as error:
            raise _translated(error) from error

    return RemoteFile(
        path=name,
        size=status.st_size,
        version=f"{status.st_size} {status.st_mtime_ns}",
        open_stream=functools.partial(open_stream, path),
        refreshed=refreshed,
    )


@contextlib.contextmanager
def open_stream(path: Path, start: int) -> Iterator[Stream]:
    """Open a file on a drive at a byte offset, as an `OpenStream`."""
    try:
        file = path.open("rb")
        file.seek(start)
    except OSError as error:
        raise _translated(error) from error
    with file:
        yield Stream(start, None, _chunks(file))


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while True:
        # Caught here, since the caller writes the chunks to another disk, which has its own errors.
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
