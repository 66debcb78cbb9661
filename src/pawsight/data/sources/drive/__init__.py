"""Photos in Google Drive: a folder is copied once, and later what changed; or an archive.

Works with Google's own libraries, which come with the extra `drive` and are
imported when an address needs them.
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
from pawsight.formatting import listed, printable
from pawsight.progress import Progress

__all__ = ["fetch", "matches"]

_NAMED = 5  # items that a note names
_PACKED = ("application/zip", "application/x-zip", "application/x-tar", "application/gzip")


def fetch(
    text: str, progress: Progress, allow_photo: bool = False, allow_missing: bool = False
) -> Source:
    """Copy photos from Google Drive into the cache, or what changed since the last time.

    Args:
        text: An address, a link or an id; see `addresses.Address`.
        progress: Receives what is listed, copied, and left out.
        allow_photo: Whether the address of a single photo is taken, too.
        allow_missing: As `copy_all` takes it.

    Raises:
        ExtraError: Google's packages are not installed.
        SourceError: Nobody is signed in, or there are no photos to fetch.
        DiskError: The cache cannot be written, or the disk is too full.
    """
    address = read_address(text)
    with contextlib.closing(Drive(load_access())) as drive:
        item = resolve(drive, address)
        if item["mimeType"] != FOLDER:
            return _fetch_file(drive, item, allow_photo, progress)
        listed = list_folder(drive, item, progress)
        _report_left_out(listed, progress)
        if not listed.files:
            raise SourceError(_no_photos(item["name"], text, listed))
        place = f"gdrive:{item['id']}"
        root = copy_all(item["name"], place, listed.files, progress, allow_missing=allow_missing)
    return Source(safe_path([item["name"]]), root)


def _fetch_file(drive: Drive, item: Item, allow_photo: bool, progress: Progress) -> Source:
    name = item["name"]
    is_packed = item["mimeType"].startswith(_PACKED) or name.lower().endswith(ARCHIVE_ENDINGS)
    is_photo = allow_photo and kind_of(name) is Kind.PHOTO
    if not (is_packed or is_photo):
        raise SourceError(
            f"{printable(name)} in Google Drive is neither a folder nor {ARCHIVES}.\n"
            f"Give the folder that the photos are in."
        )
    path = safe_path([name])
    file = remote_file(drive, item, path)
    root = copy_all(archive.stem_of(name), f"gdrive:{item['id']}", [file], progress)
    if not is_packed:
        return Source(archive.stem_of(name), root, photo=root / path)
    return archive.fetch(root / path, progress)


def _report_left_out(listing: DriveListing, progress: Progress) -> None:
    if listing.googles_own:
        progress.note(
            f"Left out {len(listing.googles_own):,} documents of Google's own (Docs, Sheets, "
            f"Forms), which are no files: {listed(listing.googles_own, _NAMED)}."
        )
    if listing.lost:
        progress.note(
            f"{len(listing.lost):,} folders or shortcuts in Google Drive cannot be read, and are "
            f"left out: {listed(listing.lost, _NAMED)}."
        )


def _no_photos(name: str, text: str, listing: DriveListing) -> str:
    message = f"There are no photos in {printable(name)} in Google Drive ({text})."
    if listing.archives:
        message += f"\nIt holds archives: {listed(listing.archives, _NAMED)}. "
        if text.lower().startswith("gdrive:"):
            message += (
                f"Give one of them, such as {text.rstrip('/')}/{printable(listing.archives[0])}"
            )
        else:
            message += "Give the link of one of them."
    return message
