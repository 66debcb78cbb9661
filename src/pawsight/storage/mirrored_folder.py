"""A working folder in the cache that mirrors a folder in a cloud store or on an SFTP server.

What is used or written is always the working folder. `fetch` brings it up to date with the
address, `publish` the address with it; `.remote.json` in it records for each file the version at
the address that it equals. Where another machine has changed the address since, that counts, and
what had not been copied there is kept beside the working folder.
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

_GROWS = "log.txt"  # is appended to, and decides nothing
_NOTED_MEGABYTES = 10.0  # takes seconds to fetch
_NUM_THREADS = 8


class MirroredFolder:
    """A folder at an address, and its working folder `path` on this machine.

    Args:
        address: Such as s3://bucket/runs/cats; secrets in it are used and written nowhere.
        rank: Orders files: those of a higher rank refer to those of a lower one, so they are
            copied later.

    Raises:
        RunError: It is no address in a cloud store or on an SFTP server.
    """

    def __init__(self, address: str, rank: Callable[[str], int]) -> None:
        if address.partition("://")[0].lower() not in STORES:
            raise RunError(
                f"A run cannot be at {public_address(address)}.\nGive a folder, or an address "
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
        """Return the mirror whose working folder that is; None for any other folder."""
        record = MirrorRecord.load(path)
        found = None if record is None else cls(record.address, rank)
        return found if found is not None and found.path == path.absolute() else None

    @cached_property
    def remote(self) -> RemoteFolder:
        """The folder at the address.

        Raises:
            RunError: It cannot be reached.
            ExtraError: The package for this kind of store is not installed.
        """
        with self._explained("reached"):
            return RemoteFolder(self._secret_address)

    def unsent(self, wanted: Callable[[str], bool] = bool) -> dict[str, Stamp]:
        """Return the wanted files that are not at the address as they are here."""
        found = {}
        for name in filter(wanted, self._unsent()):
            with contextlib.suppress(FileNotFoundError):  # it was removed meanwhile
                found[name] = stamp_of(self.path / name)
        return found

    def list_remote(self) -> dict[str, RemoteVersion]:
        """List what is at the address; raises RunError."""
        with self._explained("listed"):
            found = self.remote.files()
        return {name: version for name, version in found.items() if is_plain(name)}

    def has(self, name: str) -> bool:
        """Return whether a small file is at the address; raises RunError."""
        with self._explained("read"):
            return self.remote.read(name) is not None

    def check_writable(self) -> None:
        """Check that files can be written at the address; raises RunError."""
        with self._explained("written"):
            self.remote.check_writable()

    def was_sent(self, name: str) -> bool:
        """Return whether a file was at the address when this machine last copied files."""
        return name in self._known()

    def fetch(
        self,
        wanted: Callable[[str], bool],
        found: dict[str, RemoteVersion],
        note: Callable[[str], None],
    ) -> None:
        """Bring the working folder up to date with the address.

        Args:
            wanted: Of the files at the address, those that are needed.
            found: What `list_remote` returned.
            note: Receives a sentence where that takes long or sets changes aside.

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
            for name in found.keys() - known.keys():
                if is_same(self.path / name, found[name]):  # killed before it was recorded
                    known[name] = (*stamp_of(self.path / name), found[name].version)
            is_here = {name for name in {*known, *found} if (self.path / name).is_file()}
            same = {name for name, one in known.items() if one[2] == _version_in(found, name)}
            is_moved = any(wanted(name) for name in is_here - same)
            if is_moved and set(self._unsent()) - {_GROWS}:
                self.set_aside()
                note(
                    f"{self.address} was changed from another machine. What this one had changed "
                    f"and not copied there is in {self._aside}."
                )
                known, is_here = {}, set()
            for name in known.keys() - found.keys():
                (self.path / name).unlink(missing_ok=True)
                del known[name]
            needed = {name for name in found if wanted(name)} - (is_here & same)
            megabytes = sum(found[name].size for name in needed) / 1e6
            if megabytes >= _NOTED_MEGABYTES:
                note(f"Fetching {megabytes:,.0f} MB from {self.address}.")
            with self._explained("fetched"):
                self._fetch_all({name: found[name] for name in needed}, known)

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
        """Move what is in the working folder to a folder beside it."""
        if self.path.is_dir():
            shutil.rmtree(self._aside, ignore_errors=True)
            self.path.rename(self._aside)

    def publish(
        self,
        check: Callable[[], None] = lambda: None,
        is_left_out: Callable[[str], bool] = lambda name: False,
    ) -> None:
        """Copy changed files to the address, each whole, those of a lower rank first.

        The content is that of one moment or later for lower ranks: a file that refers to others
        never arrives before them, and never in a newer version than they.

        Args:
            check: Called before each file; raise in it to stop.
            is_left_out: Of the changed files, those to copy later.

        Raises:
            RunError: A file cannot be copied; those before it are.
        """
        with self._publishing, self._snapshot(is_left_out) as copies, self._explained("written"):
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
        """Yield copies that no longer change, by name; taken in the opposite order."""
        folder = temporary_path(self.path)
        copies = {}
        try:
            with disk_errors(folder):
                remove_abandoned(self.path.parent)
                for name in filterfalse(is_left_out, reversed(self._unsent())):
                    copy = folder / name
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    with contextlib.suppress(FileNotFoundError):  # it was removed meanwhile
                        stamp = stamp_of(self.path / name)
                        _copy(self.path / name, copy)
                        copies[name] = (copy, stamp)
            yield dict(reversed(copies.items()))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _unsent(self) -> list[str]:
        """Return files that are not at the address as they are here, those of low rank first."""
        known, unsent = self._known(), []
        for folder, folders, names in os.walk(self.path):
            folders[:] = [one for one in folders if not one.startswith(".")]
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
    def _explained(self, verb: str) -> Iterator[None]:
        try:
            yield
        except DownloadError as error:
            raise RunError(
                f"{self.address} cannot be {verb}: {error}.\n"
                f"Check the address, the network and that you may read and write there."
            ) from error


def _version_in(found: dict[str, RemoteVersion], name: str) -> str | None:
    return found[name].version if name in found else None


def _copy(source: Path, target: Path) -> None:
    """Link a file, since files of a run are replaced and not changed; copy one that grows."""
    try:
        if source.name == _GROWS:
            raise OSError
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # a file system without links
        shutil.copyfile(source, target)
