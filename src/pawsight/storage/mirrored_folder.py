"""A working folder in the cache that mirrors a folder in a cloud store or on an SFTP server.

Files are read and written in the working folder only. `fetch` copies changed files from the
address to the working folder, and `publish` copies changed files to the address. The record
`.remote.json` in the working folder states the remote version that each file equals. If another
machine has changed the address meanwhile, its changes win: local changes that were not copied
are moved to a folder beside the working folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import filterfalse
from pathlib import Path

from pawsight.addresses import public_address
from pawsight.errors import RunError
from pawsight.formatting import listed
from pawsight.storage.atomic import (
    disk_errors,
    make_dir,
    plain_name,
    remove_abandoned,
    temporary_path,
)
from pawsight.storage.cache import cache_dir, mark_in_use
from pawsight.storage.download import DownloadError
from pawsight.storage.locks import locked
from pawsight.storage.mirror_record import Known, MirrorRecord, Stamp, is_plain, is_same, stamp_of
from pawsight.storage.stores.access import ANONYMOUS
from pawsight.storage.stores.providers import STORES
from pawsight.storage.stores.remote_folder import RemoteFolder, RemoteVersion
from pawsight.storage.threads import map_in_threads

_LOG = "log.txt"  # the only file that is appended to; its changes are no conflict
_NOTED_MEGABYTES = 10.0  # fetching more than this takes seconds, so a note is written
_NUM_THREADS = 8


class MirroredFolder:
    """A folder at an address, and its working folder `path` on this machine.

    Args:
        address: An address such as s3://bucket/runs/cats. Secrets in it are never written to a
            file or message.
        rank: Returns the rank of a file. A file refers only to files of a lower rank, so it is
            copied after them.

    Raises:
        RunError: The address is not in a cloud store or on an SFTP server.
    """

    def __init__(self, address: str, rank: Callable[[str], int]) -> None:
        if address.partition("://")[0].lower() not in STORES:
            raise RunError(
                f"A run cannot be at {public_address(address)}.\nUse a folder, or an address "
                f"that begins with {listed(f'{scheme}://' for scheme in STORES)}."
            )
        self._secret_address = address
        self.address = public_address(address.removesuffix(ANONYMOUS)).rstrip("/")
        mark = hashlib.sha256(os.fsencode(self.address)).hexdigest()[:16]
        name = plain_name(self.address.rpartition("/")[2])
        self.path = cache_dir("runs") / f"{name}-{mark}" / name
        self._rank = rank
        self._publishing = threading.Lock()

    @classmethod
    def of(cls, path: Path, rank: Callable[[str], int]) -> MirroredFolder | None:
        """Return the mirror that has `path` as its working folder; None for other folders."""
        record = MirrorRecord.load(path)
        if record is None:
            return None
        mirror = cls(record.address, rank)
        return mirror if mirror.path == path.absolute() else None

    @cached_property
    def remote(self) -> RemoteFolder:
        """The folder at the address.

        Raises:
            RunError: The address cannot be reached.
            ExtraError: The package for this kind of store is not installed.
        """
        with self._run_errors("reached"):
            return RemoteFolder(self._secret_address)

    def unsent(self, wanted: Callable[[str], bool] = bool) -> dict[str, Stamp]:
        """Return the stamps of the wanted files that differ from the address, by name."""
        stamps = {}
        for name in filter(wanted, self._unsent()):
            with contextlib.suppress(FileNotFoundError):  # the file was removed meanwhile
                stamps[name] = stamp_of(self.path / name)
        return stamps

    def list_remote(self) -> dict[str, RemoteVersion]:
        """Return the versions of the files at the address, by name; raises RunError."""
        with self._run_errors("listed"):
            versions = self.remote.files()
        return {name: version for name, version in versions.items() if is_plain(name)}

    def has(self, name: str) -> bool:
        """Return whether a small file is at the address; raises RunError."""
        with self._run_errors("read"):
            return self.remote.read(name) is not None

    def check_writable(self) -> None:
        """Check that files can be written at the address; raises RunError."""
        with self._run_errors("written"):
            self.remote.check_writable()

    def was_sent(self, name: str) -> bool:
        """Return whether a file was at the address when this machine last copied files."""
        return name in self._known()

    def fetch(
        self,
        wanted: Callable[[str], bool],
        versions: dict[str, RemoteVersion],
        note: Callable[[str], None],
    ) -> None:
        """Copy changed files from the address to the working folder.

        Args:
            wanted: Returns whether a file at the address is needed.
            versions: The result of `list_remote`.
            note: Receives a sentence if fetching takes long, or if local changes are moved away.

        Raises:
            RunError: A file cannot be fetched.
            DiskError: The cache cannot be written.
        """
        mark_in_use(self.path.parent)
        make_dir(self.path.parent)
        with (
            disk_errors(self.path),
            locked(
                self.path.parent / ".lock",
                lambda owner: note(f"Waiting for {owner}, which copies {self.address}."),
            ),
        ):
            known = self._known()
            for name in versions.keys() - known.keys():
                if is_same(self.path / name, versions[name]):  # killed before it was recorded
                    known[name] = (*stamp_of(self.path / name), versions[name].version)
            local = {name for name in {*known, *versions} if (self.path / name).is_file()}
            current = {
                name
                for name, (_, _, version) in known.items()
                if name in versions and versions[name].version == version
            }
            is_outdated = any(wanted(name) for name in local - current)
            if is_outdated and set(self._unsent()) - {_LOG}:
                self.set_aside()
                note(
                    f"{self.address} was changed from another machine. Changes of this machine "
                    f"that had not been copied there are in {self._aside}."
                )
                known, local = {}, set()
            for name in known.keys() - versions.keys():
                (self.path / name).unlink(missing_ok=True)
                del known[name]
            needed = {name for name in versions if wanted(name)} - (local & current)
            megabytes = sum(versions[name].size for name in needed) / 1e6
            if megabytes >= _NOTED_MEGABYTES:
                note(f"Fetching {megabytes:,.0f} MB from {self.address}.")
            with self._run_errors("fetched"):
                self._fetch_all({name: versions[name] for name in needed}, known)

    def _fetch_all(self, missing: dict[str, RemoteVersion], known: Known) -> None:
        def fetch(name: str) -> None:
            path = self.path / name
            make_dir(path.parent)
            self.remote.fetch(name, missing[name], path)

        make_dir(self.path)
        stop = threading.Event()
        try:
            for name, error in map_in_threads(
                fetch, sorted(missing), _NUM_THREADS, stop, lambda: None
            ):
                if error is not None:
                    raise error
                known[name] = (*stamp_of(self.path / name), missing[name].version)
        finally:
            self._save(known)

    @property
    def _aside(self) -> Path:
        return self.path.with_name(f"{self.path.name}.replaced")

    def set_aside(self) -> None:
        """Move the working folder to a folder beside it, replacing an earlier such folder."""
        if self.path.is_dir():
            shutil.rmtree(self._aside, ignore_errors=True)
            self.path.rename(self._aside)

    def publish(
        self,
        check: Callable[[], None] = lambda: None,
        is_left_out: Callable[[str], bool] = lambda name: False,
    ) -> None:
        """Copy changed files to the address, each atomically, files of a lower rank first.

        A snapshot of all of them is taken first, files of a higher rank first. So a file never
        arrives before the files that it refers to, and never in a newer version than they.

        Args:
            check: Called before each file; raise in it to stop.
            is_left_out: Returns whether a changed file is to be copied later.

        Raises:
            RunError: A file cannot be copied; the files before it are copied.
        """
        with self._publishing, self._snapshot(is_left_out) as copies, self._run_errors("written"):
            mark_in_use(self.path.parent)
            known = self._known()
            self._save(known)
            for name, (copy, stamp) in copies.items():
                check()
                known[name] = (*stamp, self.remote.put(copy, name))
                self._save(known)

    @contextlib.contextmanager
    def _snapshot(
        self, is_left_out: Callable[[str], bool]
    ) -> Iterator[dict[str, tuple[Path, Stamp]]]:
        """Yield copies of the changed files and their stamps, by name, a lower rank first."""
        folder = temporary_path(self.path)
        copies = {}
        try:
            with disk_errors(folder):
                remove_abandoned(self.path.parent)
                for name in filterfalse(is_left_out, reversed(self._unsent())):
                    copy = folder / name
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    with contextlib.suppress(FileNotFoundError):  # the file was removed meanwhile
                        stamp = stamp_of(self.path / name)
                        _copy(self.path / name, copy)
                        copies[name] = (copy, stamp)
            yield dict(reversed(copies.items()))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _unsent(self) -> list[str]:
        """Return the names of files that differ from the address, files of a low rank first."""
        known, unsent = self._known(), []
        for folder, folders, names in os.walk(self.path):
            folders[:] = [inner for inner in folders if not inner.startswith(".")]
            for path in (Path(folder, name) for name in names):
                name = path.relative_to(self.path).as_posix()
                if is_plain(name):
                    with contextlib.suppress(FileNotFoundError):
                        if known.get(name, ())[:2] != stamp_of(path):
                            unsent.append(name)
        return sorted(unsent, key=lambda name: (self._rank(name), name))

    def _known(self) -> Known:
        record = MirrorRecord.load(self.path)
        return {} if record is None else dict(record.files)

    def _save(self, known: Known) -> None:
        MirrorRecord(address=self.address, files=known).save(self.path)

    @contextlib.contextmanager
    def _run_errors(self, verb: str) -> Iterator[None]:
        """Translate a DownloadError into a RunError: the address cannot be `verb`."""
        try:
            yield
        except DownloadError as error:
            raise RunError(
                f"{self.address} cannot be {verb}: {error}.\n"
                f"Check the address, the network, and your permissions to read and write there."
            ) from error


def _copy(source: Path, target: Path) -> None:
    """Link a file, since files of a run are replaced and not changed; copy the log file."""
    if source.name != _LOG:
        try:
            os.link(source, target)
        except FileNotFoundError:
            raise
        except OSError:  # a file system without links
            pass
        else:
            return
    shutil.copyfile(source, target)
