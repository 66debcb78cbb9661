"""Fetch a well-known set by its name into the cache; later calls use the cached photos.

The sets are listed in sets.toml. Only the photos of a set are kept, not its archives. The
folder of the photos gets its final name when it is complete.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from pawsight.data.sources.known.archives import addresses, fetch_archives
from pawsight.data.sources.known.layout import TABLE, lay_out
from pawsight.data.sources.known.sets import KnownSet, find, known_sets
from pawsight.data.sources.source import Source
from pawsight.errors import DiskError
from pawsight.progress import Progress
from pawsight.storage.atomic import make_dirs
from pawsight.storage.atomic_folder import check_free, new_folder
from pawsight.storage.cache import cache_dir, mark_in_use
from pawsight.storage.locks import locked

__all__ = ["KnownSet", "copy_into", "fetch", "find", "known_sets"]

_PHOTOS = "photos"


def fetch(known_set: KnownSet, progress: Progress) -> Source:
    """Fetch a set into the cache, unless the cache has it.

    Args:
        known_set: The set.
        progress: Receives the bytes and files, and the licence of the set.

    Raises:
        SourceError: The set cannot be fetched, or an archive differs from its checksum.
        DiskError: The cache cannot be written, or the disk is too full.
    """
    folder = _folder(known_set)
    photos = folder / _PHOTOS
    mark_in_use(folder)
    if not photos.is_dir():
        with _locked(known_set, folder, progress):
            if not photos.is_dir():  # another process may have fetched it meanwhile
                _make(known_set, folder, photos, progress)
    table = photos / TABLE
    return Source(known_set.name, photos, table if table.is_file() else None)


def copy_into(known_set: KnownSet, into: Path, progress: Progress) -> Path:
    """Write a set into a new or empty folder, from the cache if the cache has it.

    Args:
        known_set: The set.
        into: The folder.
        progress: Receives the bytes and files, and the licence of the set.

    Returns:
        The folder.

    Raises:
        SourceError: See `fetch`.
        DiskError: The folder is not empty or cannot be written, or the disk is too full.
    """
    folder = _folder(known_set)
    mark_in_use(folder)
    with _locked(known_set, folder, progress):
        check_free(into)
        if (folder / _PHOTOS).is_dir():
            with new_folder(into) as temporary:
                shutil.copytree(folder / _PHOTOS, temporary, dirs_exist_ok=True)
        else:
            _make(known_set, folder, into, progress)
    return into


def _folder(known_set: KnownSet) -> Path:
    """Return the folder of a set in the cache; each edition has its own."""
    files = [(archive.file_name, archive.checksum, archive.part) for archive in known_set.archives]
    edition = repr((files, known_set.labels, known_set.class_names)).encode()
    return cache_dir("known") / f"{known_set.name}-{hashlib.sha256(edition).hexdigest()[:16]}"


@contextlib.contextmanager
def _locked(known_set: KnownSet, folder: Path, progress: Progress) -> Iterator[None]:
    """Lock the set's folder, and translate an OSError into a DiskError."""
    try:
        make_dirs(folder)
        with locked(
            folder / ".lock",
            lambda owner: progress.note(
                f"Waiting for {owner}, which is fetching {known_set.name}."
            ),
        ):
            yield
    except OSError as error:
        raise DiskError(
            f"{known_set.name} cannot be written to {error.filename or folder}: "
            f"{error.strerror or error}.\n"
            f"Free some space or repair the folder, or name another folder for the cache: "
            f"PAWSIGHT_CACHE=/a/folder pawsight ..."
        ) from error


def _make(known_set: KnownSet, folder: Path, target: Path, progress: Progress) -> None:
    progress.note(_announcement(known_set))
    archives = fetch_archives(known_set, folder, progress)
    with new_folder(target) as temporary:
        lay_out(known_set, archives, temporary, progress)
    for path in archives:
        path.unlink()


def _announcement(known_set: KnownSet) -> str:
    hosts = {urlsplit(addresses(known_set, archive)[0]).netloc for archive in known_set.archives}
    return (
        f"Fetching {known_set.name} ({known_set.title}): {known_set.num_bytes / 1e6:,.0f} MB "
        f"from {', '.join(sorted(hosts))}.\n"
        f"Licence: {known_set.licence}. See {known_set.page}"
    )
