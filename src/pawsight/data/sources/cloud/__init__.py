"""Photos from a cloud store, an SFTP server or the web: copied into the cache, used from there.

`stores` accesses everything that fsspec has a module for, `web` with plain
HTTP servers, for which only `requests` is needed. Both give a `RemoteFolder`.
"""

from __future__ import annotations

from pawsight.data.file_types import is_packed
from pawsight.data.sources import archive, table, tar_shards
from pawsight.data.sources.cloud import stores, web
from pawsight.data.sources.cloud.location import refuse_file
from pawsight.data.sources.mirror import copy_all, safe_path
from pawsight.data.sources.source import Source
from pawsight.errors import SourceError
from pawsight.progress import Progress

__all__ = ["fetch", "matches"]


def matches(text: str) -> bool:
    """Return whether this is an address that can be fetched from here."""
    return _scheme(text) in (*stores.STORES, *web.SCHEMES)


def fetch(
    text: str, progress: Progress, allow_photo: bool = False, allow_missing: bool = False
) -> Source:
    """Copy the photos of an address into the cache, or what changed of them.

    Args:
        text: The address of a folder, of an archive, or of a .csv table that is
            beside the photos it names; with `?anonymous` at its end for a public
            folder of a store.
        progress: Receives the bytes, and notes on files that are left out.
        allow_photo: Whether the address of a single photo is taken, too.
        allow_missing: As `copy_all` takes it.

    Raises:
        ExtraError: The package for this kind of store is not installed.
        SourceError: It cannot be listed, or has no photos; the text states why.
        DiskError: The cache cannot be written, or the disk is too full.
    """
    place = (stores if _scheme(text) in stores.STORES else web).list_files(text, progress)
    if place.photo is not None and not allow_photo:
        refuse_file(place.address)
    if not place.files:
        raise SourceError(f"There are no photos in {place.address}.\n{place.hint}")
    copied = copy_all(place.name, place.address, place.files, progress, allow_missing=allow_missing)
    if is_packed(copied):
        return tar_shards.fetch(copied, progress, with_labels=not allow_photo)
    if place.archive is not None:
        return archive.fetch(copied / place.archive, progress)
    if place.table is not None:
        return table.fetch(copied / place.table)
    if place.photo is not None:
        return Source(place.name, copied, photo=copied / place.photo)
    return Source(safe_path([place.name]), copied)


def _scheme(text: str) -> str:
    return text.partition("://")[0].lower() if "://" in text else ""
