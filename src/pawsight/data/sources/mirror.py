"""Copy a remote folder into the cache, in parallel, and the next time only what changed.

What an adapter gives is a list of files, each of which can be opened.
A file that cannot be fetched is named and left out; the others make a folder that
is used like any on this machine.
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

_VERSIONS = 3  # of one file that are tried while it changes
_PARTS = ".parts"


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file that is elsewhere."""

    path: str  # where it belongs below the folder, "/" between; see `safe_path` and `unique_paths`
    size: int | None  # bytes, None if unknown
    version: str  # changes when the content does: a checksum, an ETag, or the time and size
    open_stream: OpenStream  # opens it from some byte on
    checksum: str = ""  # MD5 or SHA-256 in hexadecimal digits, "" if unknown
    # Gives the file as it is there now. Called when what came is not what was listed, and after
    # copying where there is no checksum: a file that changed meanwhile is copied again.
    refreshed: Callable[[], RemoteFile] | None = None


def copy_all(
    name: str,
    place: str,
    files: Sequence[RemoteFile],
    progress: Progress,
    workers: int = 16,
    allow_missing: bool = False,
) -> Path:
    """Copy files into a folder of the cache; those that are there already stay.

    Args:
        name: What to call it, in the name of the folder and to people.
        place: Where the files come from; each address has its own folder.
        files: All that belong into the folder. What was copied earlier and is
            not among them is removed from the copy.
        progress: Receives the bytes, and notes on files that are left out.
        workers: Files copied at a time.
        allow_missing: Whether files that could not be fetched after several tries are left out,
            as are those that may not be read.

    Raises:
        SourceError: None of the files could be copied, or the connection is gone.
        DiskError: The cache cannot be written, or the disk is too full.
    """
    if not files:
        raise SourceError(f"There are no photos in {name}.")
    folder = copied_folder(name, place)
    mark_in_use(folder)
    try:
        make_dirs(folder / _PARTS)
        with locked(
            folder / ".lock",
            lambda owner: progress.note(f"Waiting for {owner}, which is copying {name}."),
        ):
            _Copying(name, folder, files, progress, allow_missing).run(workers)
    except OSError as error:
        reason = error.strerror or error
        raise DiskError(
            f"{name} cannot be copied into {folder}: {reason}.\n"
            f"Free some space or repair the folder, or name another one: "
            f"PAWSIGHT_CACHE=/a/folder pawsight ..."
        ) from error
    return folder


def copied_folder(name: str, place: str) -> Path:
    """Return where the copy of a place is, or would."""
    mark = hashlib.sha256(os.fsencode(place)).hexdigest()[:16]
    return cache_dir("copied") / f"{safe_path([name])}-{mark}"


class _CopyStoppedError(Exception):
    """The copying was stopped."""


@dataclass(eq=False)
class _Copying:
    """One call of `copy_all`, whose folder is its own."""

    name: str
    folder: Path
    files: Sequence[RemoteFile]
    progress: Progress
    allow_missing: bool

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._counting = threading.Lock()
        self._bytes = 0  # since progress was last reported
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
        here = sum(_size(download.part_of(self._kept(f.path), f.version)) for f in missing)
        check_space(self.folder, total - here, f"copy {self.name}")
        is_known = all(file.size is not None for file in missing)
        self.progress.start(f"Copying {self.name}", total if is_known else None, "bytes")
        num_done = in_a_row = 0
        workers = min(workers, len(missing))
        outcomes = map_in_threads(self._fetch, missing, workers, self._stop, self._report_bytes)
        with contextlib.closing(outcomes):
            for file, error in outcomes:
                num_done += 1
                self.progress.advance(0, files=f"{num_done:,} of {len(missing):,}")
                in_a_row = in_a_row + 1 if isinstance(error, RetriesExhaustedError) else 0
                if error is not None:
                    self._lose(file, error)
                if in_a_row >= workers and num_done < len(missing):
                    raise SourceError(
                        f"Copying {self.name} was given up: of the last {in_a_row} files none "
                        f"could be fetched: {error}.\n"
                        f"What was copied is kept; run the command again to resume."
                    )
        if self._lost:
            lost = LostFiles(self.name, len(self.files), self._lost)
            lost.report(self.progress, self.allow_missing)

    def _lose(self, file: RemoteFile, error: Exception) -> None:
        """Record a file that could not be copied; raise if the error concerns all files."""
        if isinstance(error, OSError) and error.errno not in DISK_ERRORS:
            error = DownloadError(f"it cannot be written here: {error.strerror or error}")
        if not isinstance(error, DownloadError):
            raise error
        self._lost[file.path] = error

    def _fetch(self, file: RemoteFile) -> None:
        """Copy one file, in a thread; again if it changed meanwhile."""
        path, kept = file.path, self._kept(file.path)
        for _ in range(_VERSIONS):
            problem = self._fetch_version(file, kept)
            if problem is None and (file.checksum or file.refreshed is None):
                break
            now = _refreshed(file)
            if now.version == file.version:
                if problem is not None:
                    raise problem
                break
            self._count(-_size(kept))
            file = dataclasses.replace(now, path=path)
        else:
            raise DownloadError("it changes faster than it can be copied")
        target = self.folder / path
        make_dirs(target.parent)
        kept.replace(target)
        with self._counting:
            self._index.add(path, file.version)

    def _fetch_version(self, file: RemoteFile, kept: Path) -> ChecksumError | None:
        try:
            download.fetch_resumed(
                self._stoppable(file.open_stream),
                kept,
                version=file.version,
                checksum=file.checksum,
                advance=self._count,
                pause=self._pause,
            )
        except ChecksumError as error:
            return error
        size = _size(kept)
        if file.size is None or size == file.size:
            return None
        return ChecksumError(f"it has {size:,} bytes, where {file.size:,} were listed")

    def _stoppable(self, open_stream: OpenStream) -> OpenStream:
        @contextlib.contextmanager
        def opened(start: int) -> Iterator[Stream]:
            with open_stream(start) as stream:
                yield dataclasses.replace(stream, chunks=self._wanted(stream.chunks))

        return opened

    def _wanted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if self._stop.is_set():
                raise _CopyStoppedError
            yield chunk

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(download.jittered(seconds)):
            raise _CopyStoppedError

    def _count(self, num_bytes: int) -> None:
        with self._counting:
            self._bytes += num_bytes

    def _report_bytes(self) -> None:
        """Report what came, in the thread of the caller: progress is not thread-safe."""
        with self._counting:
            num_bytes, self._bytes = self._bytes, 0
        if num_bytes:
            self.progress.advance(num_bytes)

    def _kept(self, path: str) -> Path:
        """Return the path of a partial download, apart, so that scans find complete files only."""
        return self.folder / _PARTS / hashlib.sha256(os.fsencode(path)).hexdigest()[:32]

    def _remove_stale_parts(self) -> None:
        lost = [file for file in self.files if file.path in self._lost]
        wanted = {download.part_of(self._kept(file.path), file.version) for file in lost}
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
