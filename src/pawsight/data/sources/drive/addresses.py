"""Parse addresses of files and folders in Google Drive."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from pawsight.errors import SourceError

SCHEME = "gdrive:"
MY_DRIVE, SHARED_DRIVES, SHARED_WITH_ME = "My Drive", "Shared drives", "Shared with me"
_HOSTS = {"drive.google.com", "docs.google.com", "drive.usercontent.google.com"}
_ID = re.compile(r"[\w-]{19,}", re.ASCII)  # Google states no length; 19 to 44 are seen
_ID_IN_LINK = re.compile(r"/(?:folders|d)/([\w-]{10,})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a file or folder in Google Drive."""

    text: str  # as the user wrote it
    file_id: str = ""  # the id of the file or folder, "" if unknown
    resource_key: str = ""  # a part of the link that some older files need
    # Names from the top, of which the first is MY_DRIVE, SHARED_DRIVES or SHARED_WITH_ME; empty for
    # a link.
    path: tuple[str, ...] = ()


def is_address(text: str) -> bool:
    """Return whether a source is an address in Google Drive."""
    return text.lower().startswith(SCHEME) or (
        text.lower().startswith(("https://", "http://")) and urlsplit(text).hostname in _HOSTS
    )


def read_address(text: str) -> Address:
    """Parse an address for which `is_address` is true.

    Text that may be an id or a name is returned as both.

    Raises:
        SourceError: A link leads to no file or folder.
    """
    if not text.lower().startswith(SCHEME):
        return _read_link(text)
    rest = text[len(SCHEME) :].strip()
    if is_address(rest):
        return _read_link(rest)
    path = tuple(part for part in rest.split("/") if part)
    tops = {name.lower(): name for name in (MY_DRIVE, SHARED_DRIVES, SHARED_WITH_ME)}
    # The names of these folders where Colab mounts Google Drive.
    tops |= {"mydrive": MY_DRIVE, "shareddrives": SHARED_DRIVES}
    if path and path[0].lower() in tops:
        path = (tops[path[0].lower()], *path[1:])
    else:
        path = (MY_DRIVE, *path)
    is_id = _ID.fullmatch(rest) is not None
    return Address(text, file_id=rest if is_id else "", path=path)


def _read_link(link: str) -> Address:
    parts = urlsplit(link)
    query = parse_qs(parts.query)
    match = _ID_IN_LINK.search(parts.path)
    file_id = match[1] if match else query.get("id", [""])[0]
    if not file_id:
        raise SourceError(
            f"This link leads to no file or folder of Google Drive: {unquote(link)}\n"
            f"Copy it in Drive: right click on the folder, Share, Copy link. "
            f'Or write its path: "{SCHEME}{MY_DRIVE}/dataset".'
        )
    return Address(link, file_id, query.get("resourcekey", [""])[0])
