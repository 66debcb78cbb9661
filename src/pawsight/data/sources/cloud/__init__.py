"""Copy photos from a cloud store, an SFTP server or a web server into the cache.

`stores` lists the stores that fsspec has a module for. `web` lists HTTP servers, for
which only `requests` is needed. Both return a `RemoteFolder`.
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
from pawsight.storage.stores.providers import STORES

__all__ = ["fetch", "matches"]


def matches(text: str) -> bool:
    """Return whether a text is the address of a cloud store, an SFTP server or a web server."""
    return _scheme(text) in (*STORES, *web.SCHEMES)


def fetch(
    text: str, progress: Progress, allow_photo: bool = False, allow_missing: bool = False
) -> Source:
    """Copy the photos at an address into the cache; later only files that have changed.

    Args:
        text: The address of a folder, of an archive, or of a .csv table in the
            folder of the photos that it names; with `?anonymous` at its end for a
            public folder of a store.
        progress: Receives the bytes, and notes on files that are left out.
        allow_photo: Whether the address of a single photo is accepted.
        allow_missing: See `copy_all`.

    Raises:
        ExtraError: The package for this kind of store is not installed.
        SourceError: The address cannot be listed, or has no photos.
        DiskError: The cache cannot be written, or the disk is too full.
    """
    remote = (stores if _scheme(text) in STORES else web).list_files(text, progress)
    if remote.photo is not None and not allow_photo:
        refuse_file(remote.address)
    if not remote.files:
        raise SourceError(f"There are no photos in {remote.address}.\n{remote.hint}")
    root = copy_all(
        remote.name, remote.address, remote.files, progress, allow_missing=allow_missing
    )
    if is_packed(root):
        return tar_shards.fetch(root, progress, with_labels=not allow_photo)
    if remote.archive is not None:
        return archive.fetch(root / remote.archive, progress)
    if remote.table is not None:
        return table.fetch(root / remote.table)
    if remote.photo is not None:
        return Source(remote.name, root, photo=root / remote.photo)
    return Source(safe_path([remote.name]), root)


def _scheme(text: str) -> str:
    return text.partition("://")[0].lower() if "://" in text else ""
