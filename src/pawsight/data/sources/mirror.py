"""Copy remote files into a folder of the cache, in parallel; later only files that have changed.

An adapter for a kind of source lists the files as `RemoteFile` records. Files that cannot
be fetched are reported and left out.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pawsight.data.sources.lost_files import LostFiles
from pawsight.data.sources.mirror_index import CopiedIndex
from pawsight.data.sources.remote_names import safe_path, unique_paths
from pawsight.errors import DiskError, SourceError
from pawsight.progress import Progress
from pawsight.storage import download
from pawsight.storage.atomic import make_dirs
from pawsight.storage.cache import cache_dir, mark_in_use
from pawsight.storage.disk_space import DISK_ERRORS, check_space
from pawsight.storage.download import (
    ChecksumError,
    DownloadError,
    OpenStream,
    RetriesExhaustedError,
    RetryableError,
    Stream,
)
from pawsight.storage.locks import locked
from pawsight.storage.threads import map_in_threads

__all__ = ["RemoteFile", "copied_folder", "copy_all", "safe_path", "unique_paths"]

_MAX_VERSIONS = 3  # attempts for a file that changes while it is copied
_PARTS = ".parts"


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file to copy."""

    path: str  # the path of the copy in its folder, with "/"; see `safe_path` and `unique_paths`
    size: int | None  # bytes, None if unknown
    version: str  # changes when the content does: a checksum, an ETag, or the time and size
    open_stream: OpenStream  # opens the file at a byte offset
    checksum: str = ""  # MD5 or SHA-256 in hexadecimal digits, "" if unknown
    # Returns the current state of the file. It is called if the copy differs from the listing, and
    # after copying if there is no checksum; a file that changed meanwhile is copied again.
    refreshed: Callable[[], RemoteFile] | None = None


def copy_all(
    name: str,
    origin: str,
    files: Sequence[RemoteFile],
    progress: Progress,
    workers: int = 16,
    allow_missing: bool = False,
) -> Path:
    """Copy files into a folder of the cache; unchanged files are not copied again.

    Args:
        name: The name of the folder, also for display.
        origin: The address or folder that the files come from; each has its own copy.
        files: All files of the folder. Other files, which were copied earlier, are removed
            from the copy.
        progress: Receives the bytes, and notes on files that are left out.
        workers: The number of files copied at a time.
        allow_missing: Whether files that could not be fetched after several attempts are left
            out. Files without permission to read are always left out.

    Returns:
        The folder of the copies.

    Raises:
        SourceError: There are no files, none of them could be copied, or the connection is
            broken.
        DiskError: The cache cannot be written, or the disk is too full.
    """
    if not files:
        raise SourceError(f"There are no photos in {name}.")
    folder = copied_folder(name, origin)
    mark_in_use(folder)
    try:
        make_dirs(folder / _PARTS)
        with locked(
            folder / ".lock",
            lambda owner: progress.note(f"Waiting for {owner}, which is copying {name}."),
        ):
            _Copying(name, folder, files, progress, allow_missing).run(workers)
    except OSError as error:
        raise DiskError(
            f"{name} cannot be copied into {folder}: {error.strerror or error}.\n"
            f"Free some space or repair the folder, or name another folder for the cache: "
            f"PAWSIGHT_CACHE=/a/folder pawsight ..."
        ) from error
    return folder


def copied_folder(name: str, origin: str) -> Path:
    """Return the folder of a copy in the cache, whether it exists or not; see `copy_all`."""
    mark = hashlib.sha256(os.fsencode(origin)).hexdigest()[:16]
    return cache_dir("copied") / f"{safe_path([name])}-{mark}"


class _CopyStoppedError(Exception):
    """The copying was stopped."""


@dataclass(eq=False)
class _Copying:
    """One call of `copy_all`, with the folder locked."""

    name: str
    folder: Path
    files: Sequence[RemoteFile]
    progress: Progress
    allow_missing: bool

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._num_bytes = 0  # since progress was last reported
        self._lost: dict[str, Exception] = {}

    def run(self, workers: int) -> None:
        with contextlib.closing(CopiedIndex(self.folder)) as index:
            self._index = index
            index.keep(file.path for file in self.files)
            missing = [file for file in self.files if not index.has(file.path, file.version)]
            if missing:
                self._copy(missing, workers)
            self._remove_stale_parts()

    def _copy(self, missing: list[RemoteFile], workers: int) -> None:
        total = sum(file.size or 0 for file in missing)
        partial = sum(_size(download.part_of(self._target(f.path), f.version)) for f in missing)
        check_space(self.folder, total - partial, f"copy {self.name}")
        is_known = all(file.size is not None for file in missing)
        self.progress.start(f"Copying {self.name}", total if is_known else None, "bytes")
        num_done = num_failures = 0  # failures in a row
        workers = min(workers, len(missing))
        outcomes = map_in_threads(self._fetch, missing, workers, self._stop, self._report_bytes)
        with contextlib.closing(outcomes):
            for file, error in outcomes:
                num_done += 1
                self.progress.advance(0, files=f"{num_done:,} of {len(missing):,}")
                is_temporary = isinstance(error, RetriesExhaustedError)
                num_failures = num_failures + 1 if is_temporary else 0
                if error is not None:
                    self._record_lost(file, error)
                if num_failures >= workers and num_done < len(missing):
                    raise SourceError(
                        f"Copying {self.name} was stopped: none of the last {num_failures} files "
                        f"could be fetched: {error}.\n"
                        f"What was copied is kept; run the command again to resume."
                    )
        if self._lost:
            lost = LostFiles(self.name, len(self.files), self._lost)
            lost.report(self.progress, self.allow_missing)

    def _record_lost(self, file: RemoteFile, error: Exception) -> None:
        """Record a file that could not be copied; raise the error if it concerns all files."""
        if isinstance(error, OSError) and error.errno not in DISK_ERRORS:
            error = DownloadError(f"it cannot be written to the cache: {error.strerror or error}")
        if not isinstance(error, DownloadError):
            raise error
        self._lost[file.path] = error

    def _fetch(self, file: RemoteFile) -> None:
        """Copy one file, in a thread; copy it again if it changed meanwhile."""
        path, target = file.path, self._target(file.path)
        for _ in range(_MAX_VERSIONS):
            problem = self._fetch_version(file, target)
            if problem is None and (file.checksum or file.refreshed is None):
                break
            current = _refreshed(file)
            if current.version == file.version:
                if problem is not None:
                    raise problem
                break
            self._count(-_size(target))
            file = dataclasses.replace(current, path=path)
        else:
            raise DownloadError("it changes faster than it can be copied")
        final = self.folder / path
        make_dirs(final.parent)
        target.replace(final)
        with self._lock:
            self._index.add(path, file.version)

    def _fetch_version(self, file: RemoteFile, target: Path) -> ChecksumError | None:
        """Fetch a version of a file; return the error if it differs from the listing."""
        try:
            download.fetch_resumed(
                self._stoppable(file.open_stream),
                target,
                version=file.version,
                checksum=file.checksum,
                advance=self._count,
                pause=self._pause,
            )
        except ChecksumError as error:
            return error
        size = _size(target)
        if file.size is None or size == file.size:
            return None
        return ChecksumError(f"it has {size:,} bytes, but {file.size:,} were listed")

    def _stoppable(self, open_stream: OpenStream) -> OpenStream:
        @contextlib.contextmanager
        def open_stoppable(start: int) -> Iterator[Stream]:
            with open_stream(start) as stream:
                yield dataclasses.replace(stream, chunks=self._until_stopped(stream.chunks))

        return open_stoppable

    def _until_stopped(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if self._stop.is_set():
                raise _CopyStoppedError
            yield chunk

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(download.jittered(seconds)):
            raise _CopyStoppedError

    def _count(self, num_bytes: int) -> None:
        with self._lock:
            self._num_bytes += num_bytes

    def _report_bytes(self) -> None:
        """Report the bytes in the thread of the caller, since progress is not thread-safe."""
        with self._lock:
            num_bytes, self._num_bytes = self._num_bytes, 0
        if num_bytes:
            self.progress.advance(num_bytes)

    def _target(self, path: str) -> Path:
        """Return where a file is written first: in a folder that listings leave out."""
        return self.folder / _PARTS / hashlib.sha256(os.fsencode(path)).hexdigest()[:32]

    def _remove_stale_parts(self) -> None:
        lost = [file for file in self.files if file.path in self._lost]
        wanted = {download.part_of(self._target(file.path), file.version) for file in lost}
        for path in (self.folder / _PARTS).iterdir():
            if path not in wanted:
                path.unlink()


def _refreshed(file: RemoteFile) -> RemoteFile:
    if file.refreshed is None:
        return file
    try:
        return file.refreshed()
    except RetryableError as error:
        raise RetriesExhaustedError(str(error)) from error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
