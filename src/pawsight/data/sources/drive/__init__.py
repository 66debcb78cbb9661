"""Copy a folder or an archive from Google Drive into the cache; later only changed files.

It uses the libraries of Google, which the extra `drive` installs. They are imported
only when an address needs them.
"""

from __future__ import annotations

import contextlib

from pawsight.data.file_types import ARCHIVE_ENDINGS, ARCHIVES, Kind, kind_of
from pawsight.data.sources import archive
from pawsight.data.sources.drive.addresses import is_address as matches
from pawsight.data.sources.drive.addresses import read_address
from pawsight.data.sources.drive.client import FOLDER, Drive, Item
from pawsight.data.sources.drive.credentials import load_access
from pawsight.data.sources.drive.listing import DriveListing, list_folder, remote_file
from pawsight.data.sources.drive.resolving import resolve
from pawsight.data.sources.mirror import copy_all, safe_path
from pawsight.data.sources.source import Source
from pawsight.errors import SourceError
from pawsight.formatting import counted, listed, printable
from pawsight.progress import Progress

__all__ = ["fetch", "matches"]

_ARCHIVE_TYPES = ("application/zip", "application/x-zip", "application/x-tar", "application/gzip")


def fetch(
    text: str, progress: Progress, allow_photo: bool = False, allow_missing: bool = False
) -> Source:
    """Copy photos from Google Drive into the cache; later only files that have changed.

    Args:
        text: An address, a link or an id; see `addresses.Address`.
        progress: Receives what is listed, copied, and left out.
        allow_photo: Whether the address of a single photo is accepted.
        allow_missing: See `copy_all`.

    Raises:
        ExtraError: The packages of Google are not installed.
        SourceError: The user is not signed in, or there are no photos to fetch.
        DiskError: The cache cannot be written, or the disk is too full.
    """
    address = read_address(text)
    with contextlib.closing(Drive(load_access())) as drive:
        item = resolve(drive, address)
        if item["mimeType"] != FOLDER:
            return _fetch_file(drive, item, allow_photo, progress)
        listing = list_folder(drive, item, progress)
        _report_left_out(listing, progress)
        if not listing.files:
            raise SourceError(_no_photos(item["name"], text, listing))
        origin = f"gdrive:{item['id']}"
        root = copy_all(item["name"], origin, listing.files, progress, allow_missing=allow_missing)
    return Source(safe_path([item["name"]]), root)


def _fetch_file(drive: Drive, item: Item, allow_photo: bool, progress: Progress) -> Source:
    name = item["name"]
    is_archive = item["mimeType"].startswith(_ARCHIVE_TYPES) or name.lower().endswith(
        ARCHIVE_ENDINGS
    )
    is_photo = allow_photo and kind_of(name) is Kind.PHOTO
    if not (is_archive or is_photo):
        raise SourceError(
            f"{printable(name)} in Google Drive is neither a folder nor {ARCHIVES}.\n"
            f"Give the folder that the photos are in."
        )
    path = safe_path([name])
    file = remote_file(drive, item, path)
    root = copy_all(archive.stem_of(name), f"gdrive:{item['id']}", [file], progress)
    if not is_archive:
        return Source(archive.stem_of(name), root, photo=root / path)
    return archive.fetch(root / path, progress)


def _report_left_out(listing: DriveListing, progress: Progress) -> None:
    if listing.documents:
        progress.note(
            f"Left out {counted(len(listing.documents), 'Google document')} (Docs, Sheets, Forms), "
            f"which cannot be copied as files: {listed(listing.documents)}."
        )
    if listing.unreadable:
        progress.note(
            f"Left out {counted(len(listing.unreadable), 'item')} in Google Drive that cannot be "
            f"read: {listed(listing.unreadable)}."
        )


def _no_photos(name: str, text: str, listing: DriveListing) -> str:
    message = f"There are no photos in {printable(name)} in Google Drive ({text})."
    if listing.archives:
        message += f"\nIt holds archives: {listed(listing.archives)}. "
        if text.lower().startswith("gdrive:"):
            message += (
                f"Give one of them, such as {text.rstrip('/')}/{printable(listing.archives[0])}"
            )
        else:
            message += "Give the link of one of them."
    return message
