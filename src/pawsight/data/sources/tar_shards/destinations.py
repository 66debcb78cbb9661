"""Destinations of a packed set: a local folder, or a folder of a cloud store or SFTP server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from pawsight.addresses import public_address
from pawsight.errors import SourceError
from pawsight.storage.atomic import (
    disk_errors,
    make_dirs,
    remove_abandoned,
    replacing,
    temporary_path,
)
from pawsight.storage.cache import cache_dir
from pawsight.storage.download import DownloadError
from pawsight.storage.stores.remote_folder import RemoteFolder

_WRITABLE = ("s3", "gs", "gcs", "az", "abfs", "abfss", "sftp")


class Destination(Protocol):
    """A folder into which files are written atomically.

    Methods raise DiskError, or SourceError for a remote folder.
    """

    name: str  # the path, or the address without secrets

    def names(self) -> list[str]:
        """Return the names of the files and folders in it, sorted."""

    def read(self, name: str) -> bytes:
        """Return the content of a file."""

    def write(self, name: str) -> contextlib.AbstractContextManager[Path]:
        """Yield a temporary path, and store the file under `name` when the block succeeds."""


def open_destination(text: str) -> Destination:
    """Return the destination for a path or address.

    Raises:
        ExtraError: The package for this kind of store is not installed.
        SourceError: pawsight cannot write to this kind of address, or it cannot be reached.
    """
    scheme = text.partition("://")[0].lower() if "://" in text else ""
    if not scheme:
        return _Folder(Path(text).expanduser())
    if scheme not in _WRITABLE:
        raise SourceError(
            f"pawsight cannot write to {public_address(text)}.\n"
            f"Give a folder, or an address with s3://, gs://, az:// or sftp://. For other "
            f"destinations, pack into a folder and copy it."
        )
    return _Store(text)


class _Folder:
    """A local folder, created for the first file."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path

    def names(self) -> list[str]:
        with disk_errors(self._path):
            return sorted(p.name for p in self._path.iterdir()) if self._path.exists() else []

    def read(self, name: str) -> bytes:
        with disk_errors(self._path / name):
            return (self._path / name).read_bytes()

    @contextlib.contextmanager
    def write(self, name: str) -> Iterator[Path]:
        with disk_errors(self._path):
            make_dirs(self._path)
        with replacing(self._path / name) as temporary:
            yield temporary


class _Store:
    """A remote folder; a file is written into the cache first, then uploaded."""

    def __init__(self, text: str) -> None:
        self.name = public_address(text).rstrip("/")
        with self._source_errors():
            self._folder = RemoteFolder(text)

    def names(self) -> list[str]:
        with self._source_errors():
            return sorted({name.partition("/")[0] for name in self._folder.files()})

    def read(self, name: str) -> bytes:
        with self._source_errors():
            return self._folder.read(name) or b""

    @contextlib.contextmanager
    def write(self, name: str) -> Iterator[Path]:
        folder = cache_dir("packing")
        path = temporary_path(folder / name)
        try:
            with disk_errors(path):
                remove_abandoned(folder)  # the files of killed processes, which may be large
                yield path
            with self._source_errors():
                self._folder.put(path, name)
        finally:
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _source_errors(self) -> Iterator[None]:
        """Translate a DownloadError into a SourceError."""
        try:
            yield
        except DownloadError as error:
            raise SourceError(
                f"{self.name} cannot be written: {error}.\n"
                f"Check the address and your permission to write there, and run the same command "
                f"again: finished shards are kept."
            ) from error
