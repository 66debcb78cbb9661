"""A folder in a cloud store or on an SFTP server, whose files are read and written whole."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pawsight.addresses import public_address
from pawsight.storage.download import DownloadError, fetch_resumed, with_retries
from pawsight.storage.stores.access import (
    ANONYMOUS,
    NotFoundError,
    mark_opaque,
    open_store,
    stream_opener,
    translated,
)
from pawsight.storage.stores.file_versions import checksum_of, version_of

Result = TypeVar("Result")
_PROBE = ".writable"  # a hidden name, since hidden files do not belong to a run


@dataclass(frozen=True, slots=True)
class RemoteVersion:
    """The current state of a remote file."""

    size: int  # bytes
    version: str  # changes when the content does
    checksum: str  # MD5 or SHA-256 in hexadecimal digits, "" if unknown


class RemoteFolder:
    """The files below an address; names are paths relative to it, with "/".

    Requests are retried where a retry may succeed. All methods raise DownloadError.

    Args:
        address: The address, secrets included.

    Raises:
        ExtraError: The package for this kind of store is not installed.
        SourceError: The store cannot be read without signing in.
        DownloadError: The address cannot be reached.
    """

    def __init__(self, address: str) -> None:
        plain = address.removesuffix(ANONYMOUS)
        suffix = address[len(plain) :]
        self.name = public_address(plain).rstrip("/")
        self._fs, self._path = _tried(lambda: open_store(plain.rstrip("/") + suffix))

    def files(self) -> dict[str, RemoteVersion]:
        """Return all files below the folder, by name; {} if the folder does not exist."""

        def list_files() -> dict[str, RemoteVersion]:
            self._fs.invalidate_cache()
            infos = self._fs.find(self._path, detail=True)
            infos = {path: info for path, info in infos.items() if info["type"] == "file"}
            versions = {path: version_of(info) for path, info in infos.items()}
            mark_opaque(self._fs, infos)
            start = len(self._path.rstrip("/")) + 1
            return {
                path[start:]: RemoteVersion(info["size"], versions[path], checksum_of(info))
                for path, info in sorted(infos.items())
            }

        try:
            return _tried(list_files)
        except NotFoundError:
            return {}

    def read(self, name: str) -> bytes | None:
        """Return the content of a small file; None if it does not exist."""
        try:
            info = _tried(lambda: self._fs.info(self._at(name)))
            return bytes(
                _tried(lambda: self._fs.cat_file(self._at(name), start=0, end=info["size"]))
            )
        except NotFoundError:
            return None

    def fetch(self, name: str, remote: RemoteVersion, path: Path) -> None:
        """Copy a file to a path on this machine.

        Args:
            name: The name of the file.
            remote: Its version, as listed.
            path: The target, whose folder exists.

        Raises:
            DownloadError: The file cannot be fetched, or has changed since it was listed.
            OSError: The file cannot be written on this machine.
        """
        fetch_resumed(
            stream_opener(self._fs, self._at(name), remote.size),
            path,
            version=remote.version,
            checksum=remote.checksum,
            advance=lambda _: None,
        )

    def put(self, path: Path, name: str) -> str:
        """Copy a local file to the folder; return its version there."""
        _tried(lambda: self._fs.put_file(str(path), self._at(name)))
        self._fs.invalidate_cache()
        return version_of(_tried(lambda: self._fs.info(self._at(name))))

    def check_writable(self) -> None:
        """Check that files can be written, by writing an empty file and removing it."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, _PROBE)
            path.touch()
            self.put(path, path.name)
        with contextlib.suppress(DownloadError):  # removing may not be permitted
            self.remove(path.name)

    def remove(self, name: str) -> None:
        """Remove a file, if it exists."""
        try:
            _tried(lambda: self._fs.rm_file(self._at(name)))
        except NotFoundError:
            return

    def _at(self, name: str) -> str:
        return f"{self._path.rstrip('/')}/{name}"


def _tried(call: Callable[[], Result]) -> Result:
    return with_retries(translated()(call))
