"""A folder in a cloud store or on an SFTP server, whose files are read and put whole."""

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
    opener,
    translated,
)
from pawsight.storage.stores.file_versions import checksum_of, version_of

Answer = TypeVar("Answer")
_PROBE = ".writable"  # hidden, so never taken for a file of a run


@dataclass(frozen=True, slots=True)
class RemoteVersion:
    """One file as it is there now: `version` changes when its content does."""

    size: int
    version: str
    checksum: str  # MD5 or SHA-256 in hexadecimal digits, "" if unknown


class RemoteFolder:
    """The files below an address, by their paths below it ("/" between).

    What fails is tried several times where a later try may succeed. Methods raise DownloadError.

    Raises:
        ExtraError: The package for this kind of store is not installed.
        SourceError: The store cannot be read without signing in.
        DownloadError: It cannot be reached.
    """

    def __init__(self, address: str) -> None:
        plain = address.removesuffix(ANONYMOUS)
        suffix = address[len(plain) :]
        self.name = public_address(plain).rstrip("/")
        self._fs, self._path = _tried(lambda: open_store(plain.rstrip("/") + suffix))

    def files(self) -> dict[str, RemoteVersion]:
        """List all files below the folder; none where there is no such folder."""

        def found() -> dict[str, RemoteVersion]:
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
            return _tried(found)
        except NotFoundError:
            return {}

    def read(self, name: str) -> bytes | None:
        """Return the content of a small file, None where there is none."""
        try:
            info = _tried(lambda: self._fs.info(self._at(name)))
            return bytes(
                _tried(lambda: self._fs.cat_file(self._at(name), start=0, end=info["size"]))
            )
        except NotFoundError:
            return None

    def fetch(self, name: str, found: RemoteVersion, path: Path) -> None:
        """Copy a file to a path on this machine.

        Raises:
            DownloadError: It cannot be fetched, or has changed since it was listed.
            OSError: It cannot be written.
        """
        fetch_resumed(
            opener(self._fs, self._at(name), found.size),
            path,
            version=found.version,
            checksum=found.checksum,
            advance=lambda _: None,
        )

    def put(self, path: Path, name: str) -> str:
        """Write a file whole; return its version there."""
        _tried(lambda: self._fs.put_file(str(path), self._at(name)))
        self._fs.invalidate_cache()
        return version_of(_tried(lambda: self._fs.info(self._at(name))))

    def check_writable(self) -> None:
        """Write an empty file, and remove it."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, _PROBE)
            path.touch()
            self.put(path, path.name)
        with contextlib.suppress(DownloadError):  # a store in which nothing may be removed
            self.remove(path.name)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        try:
            _tried(lambda: self._fs.rm_file(self._at(name)))
        except NotFoundError:
            return

    def _at(self, name: str) -> str:
        return f"{self._path.rstrip('/')}/{name}"


def _tried(call: Callable[[], Answer]) -> Answer:
    def translating() -> Answer:
        with translated():
            return call()

    return with_retries(translating)
