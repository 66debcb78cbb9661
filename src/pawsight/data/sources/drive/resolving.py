"""Find the file or folder of Google Drive that an address means."""

from __future__ import annotations

import difflib
import itertools
import unicodedata
from collections.abc import Iterable, Iterator

from pawsight.data.sources.drive.addresses import (
    MY_DRIVE,
    SHARED_DRIVES,
    SHARED_WITH_ME,
    Address,
)
from pawsight.data.sources.drive.api_errors import NotFoundError
from pawsight.data.sources.drive.client import FOLDER, SHORTCUT, Drive, Item
from pawsight.errors import SourceError
from pawsight.formatting import listed, printable
from pawsight.storage.download import DownloadError

_LOOKED_THROUGH = 1000  # items searched for a name written in another way


def resolve(drive: Drive, address: Address) -> Item:
    """Find what an address means; where that is a shortcut, what it leads to.

    Raises:
        SourceError: It is not there, or several are.
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
            f"Look at it in the browser with the same account (pawsight drive status names it), "
            f"or ask its owner to share it."
        ) from error


def follow(drive: Drive, item: Item) -> Item:
    """Return what a shortcut leads to, and anything else as it is.

    Raises:
        DownloadError: It leads nowhere.
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
                f"Yours are: {_listed(drive.shared_drives())}."
            )
        at = _shared_drive(drive, names.pop(0))
    elif top == MY_DRIVE:
        at = drive.get("root")
    else:
        if not names:
            raise SourceError(f"{address.text} names no folder.\nWrite one after {SHARED_WITH_ME}/")
        at = {"id": "", "name": SHARED_WITH_ME, "mimeType": FOLDER}
    while names:
        at, names = _step(drive, address, at, names)
    return at


def _shared_drive(drive: Drive, name: str) -> Item:
    drives = drive.shared_drives()
    matches = [one for one in drives if _folded(one["name"]) == _folded(name)]
    if len(matches) == 1:
        return drive.get(matches[0]["id"])
    if matches:
        raise SourceError(
            f"There are {len(matches)} shared drives named {name}.\n"
            f"Give the link of the folder instead."
        )
    raise SourceError(f"There is no shared drive named {name}.\nYours are: {_listed(drives)}.")


def _step(drive: Drive, address: Address, at: Item, names: list[str]) -> tuple[Item, list[str]]:
    """Find one item of the path. Its name may have slashes in it, so it may take several names."""
    for count in range(1, len(names) + 1):
        matches = _named(drive, at, "/".join(names[:count]))
        if not matches:
            continue
        if len(matches) > 1:
            ids = ", ".join(f"gdrive:{match['id']}" for match in matches)
            raise SourceError(
                f"There are {len(matches)} items named {matches[0]['name']} in {at['name']}.\n"
                f"Give one by its id: {ids}"
            )
        item = follow(drive, matches[0])
        if item["mimeType"] == FOLDER or count == len(names):
            return item, names[count:]
    items = list(itertools.islice(_inside(drive, at), _LOOKED_THROUGH))
    near = difflib.get_close_matches(names[0], [one["name"] for one in items], n=1)
    hint = f"Did you mean {printable(near[0])}?" if near else f"Its items: {_listed(items)}."
    raise SourceError(f"There is no {names[0]} in {at['name']} ({address.text}).\n{hint}")


def _named(drive: Drive, at: Item, name: str) -> list[Item]:
    """Return the items of a name; else those that differ in case or the form of accents only."""
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    items = list(_inside(drive, at, f" and name = '{quoted}'"))
    if not items:
        items = list(itertools.islice(_inside(drive, at), _LOOKED_THROUGH))
    exact = [item for item in items if item["name"] == name]
    return exact or [item for item in items if _folded(item["name"]) == _folded(name)]


def _inside(drive: Drive, at: Item, condition: str = "") -> Iterator[Item]:
    where = f"'{at['id']}' in parents" if at["id"] else "sharedWithMe = true"
    return drive.list_items(where + condition, at.get("driveId", ""), at["id"])


def _listed(items: Iterable[Item]) -> str:
    return listed(sorted(item["name"] for item in items), 9) or "none"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
