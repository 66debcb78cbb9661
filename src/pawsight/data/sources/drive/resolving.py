"""Find the file or folder in Google Drive that an address denotes."""

from __future__ import annotations

import difflib
import itertools
import unicodedata
from collections.abc import Iterable, Iterator

from pawsight.data.sources.drive.addresses import MY_DRIVE, SHARED_DRIVES, SHARED_WITH_ME, Address
from pawsight.data.sources.drive.api_errors import NotFoundError
from pawsight.data.sources.drive.client import FOLDER, SHORTCUT, Drive, Item
from pawsight.errors import SourceError
from pawsight.formatting import listed, printable
from pawsight.storage.download import DownloadError

_MAX_SEARCHED = 1000  # items that are compared with a name that does not match exactly


def resolve(drive: Drive, address: Address) -> Item:
    """Return the file or folder of an address; shortcuts are followed.

    Raises:
        SourceError: No item, or several items, match the address; or it cannot be read.
    """
    try:
        if address.file_id:
            try:
                return follow(drive, drive.get(address.file_id, address.resource_key))
            except NotFoundError:
                if not address.path:
                    raise
        return _walk(drive, address)
    except DownloadError as error:
        raise SourceError(
            f"{address.text} cannot be read from Google Drive: {error}.\n"
            f"Check in a browser that the same account can open it (pawsight drive status names "
            f"the account), or ask its owner to share it."
        ) from error


def follow(drive: Drive, item: Item) -> Item:
    """Return the target of a shortcut; any other item is returned unchanged.

    Raises:
        DownloadError: The target cannot be read.
        SourceError: See `Drive.get`.
    """
    if item["mimeType"] != SHORTCUT:
        return item
    details = item["shortcutDetails"]
    return drive.get(details["targetId"], details.get("targetResourceKey", ""))


def _walk(drive: Drive, address: Address) -> Item:
    top, *names = address.path
    if top == SHARED_DRIVES:
        if not names:
            raise SourceError(
                f"{address.text} names no shared drive.\n"
                f"Your shared drives: {_listed(drive.shared_drives())}."
            )
        item = _shared_drive(drive, names.pop(0))
    elif top == MY_DRIVE:
        item = drive.get("root")
    else:
        if not names:
            raise SourceError(
                f"{address.text} names no folder.\nWrite its name after {SHARED_WITH_ME}/"
            )
        item = {"id": "", "name": SHARED_WITH_ME, "mimeType": FOLDER}
    while names:
        item, names = _step(drive, address, item, names)
    return item


def _shared_drive(drive: Drive, name: str) -> Item:
    drives = drive.shared_drives()
    matches = [item for item in drives if _folded(item["name"]) == _folded(name)]
    if len(matches) == 1:
        return drive.get(matches[0]["id"])
    if matches:
        raise SourceError(
            f"There are {len(matches)} shared drives named {name}.\n"
            f"Give the link of the folder instead."
        )
    raise SourceError(
        f"There is no shared drive named {name}.\nYour shared drives: {_listed(drives)}."
    )


def _step(drive: Drive, address: Address, folder: Item, names: list[str]) -> tuple[Item, list[str]]:
    """Find the first item of a path in a folder; return it and the rest of the path.

    A name in Drive may contain slashes, so the item may take several names of the path.
    """
    for count in range(1, len(names) + 1):
        matches = _named(drive, folder, "/".join(names[:count]))
        if not matches:
            continue
        if len(matches) > 1:
            ids = ", ".join(f"gdrive:{match['id']}" for match in matches)
            raise SourceError(
                f"There are {len(matches)} items named {matches[0]['name']} in {folder['name']}.\n"
                f"Choose by id: {ids}"
            )
        item = follow(drive, matches[0])
        if item["mimeType"] == FOLDER or count == len(names):
            return item, names[count:]
    items = list(itertools.islice(_items_in(drive, folder), _MAX_SEARCHED))
    near = difflib.get_close_matches(names[0], [item["name"] for item in items], n=1)
    hint = f"Did you mean {printable(near[0])}?" if near else f"Its items: {_listed(items)}."
    raise SourceError(f"There is no {names[0]} in {folder['name']} ({address.text}).\n{hint}")


def _named(drive: Drive, folder: Item, name: str) -> list[Item]:
    """Return the items of a name; else those that differ only in case or the form of accents."""
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    items = list(_items_in(drive, folder, f" and name = '{quoted}'"))
    if not items:
        items = list(itertools.islice(_items_in(drive, folder), _MAX_SEARCHED))
    exact = [item for item in items if item["name"] == name]
    return exact or [item for item in items if _folded(item["name"]) == _folded(name)]


def _items_in(drive: Drive, folder: Item, condition: str = "") -> Iterator[Item]:
    where = f"'{folder['id']}' in parents" if folder["id"] else "sharedWithMe = true"
    return drive.list_items(where + condition, folder.get("driveId", ""), folder["id"])


def _listed(items: Iterable[Item]) -> str:
    return listed(sorted(item["name"] for item in items), 9) or "none"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
