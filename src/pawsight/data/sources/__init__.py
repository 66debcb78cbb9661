"""Turn a source, as a user names it, into a local folder of photos.

There is a module for each kind of source. A new kind of address or file is a module with
`matches` and `fetch`, and an entry of `ADDRESSES`.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from pawsight.addresses import public_text
from pawsight.config import Staging
from pawsight.data.file_types import SHARD_INDEX, is_packed
from pawsight.data.sources import (
    archive,
    cloud,
    drive,
    known,
    sample,
    staging,
    table,
    tar_shards,
    unread_files,
)
from pawsight.data.sources.source import Source
from pawsight.errors import PawsightError, SourceError, first_line
from pawsight.progress import Progress

__all__ = ["Source", "fetch", "is_address"]

# At least two letters, so that the drive in "C:\photos" is no scheme.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")


def is_address(text: str) -> bool:
    """Return whether a source is an address, such as one in Google Drive or on the web.

    Raises:
        SourceError: The host or port of the address is malformed.
    """
    _check_address(text)
    return any(kind.matches(text) for kind in ADDRESSES)


def fetch(
    source: str | Path,
    progress: Progress,
    stage: Staging = "auto",
    allow_photo: bool = False,
    allow_missing: bool = False,
) -> Source:
    """Fetch photos to this machine; later calls use the local copy.

    Args:
        source: A folder, an archive, a table, a folder or archive in Google Drive
            ("gdrive:My Drive/pets", or its link), in a cloud store or on a web
            server (s3:// gs:// az:// hf:// sftp:// https://), `sample` for the
            built-in drawn photos, or the name of a well-known set such as
            `cats-vs-dogs`. An existing file or folder takes precedence over a built-in
            name.
        progress: Receives the stages: fetching, unpacking, drawing, copying.
        stage: Which folders are copied to this machine first: those on slow
            network drives ("auto"), all ("always") or none ("never").
        allow_photo: Whether the address of a single photo is accepted, for prediction; then
            the labels of a packed set are not read.
        allow_missing: Whether files that could not be copied after several attempts are left out.

    Raises:
        SourceError: The source does not exist, or has no photos that pawsight can read.
        DataError: A table or a packed set is damaged.
        ExtraError: The package for an address is not installed.
        DiskError: The cache cannot be written, or the disk is too full.
    """
    try:
        return _fetch(str(source), progress, stage, allow_photo, allow_missing)
    except PawsightError as error:
        error.args = tuple(public_text(str(text)) for text in error.args)
        raise


def _fetch(
    text: str, progress: Progress, stage: Staging, allow_photo: bool, allow_missing: bool
) -> Source:
    if not text.strip():
        raise SourceError(
            "No photos were named: the source is empty.\n"
            "Give a folder, a .zip or .tar archive, a .csv table, or the word sample."
        )
    path = Path(text).expanduser()
    if _exists(path):
        if text == sample.WORD or known.find(text):
            what = "built-in sample" if text == sample.WORD else "well-known set"
            progress.note(
                f"Taking the photos from '{text}' in this folder. "
                f"For the {what}, write {text}: with a colon."
            )
        return _fetch_local(path, progress, stage, allow_photo, allow_missing)
    if text in (sample.WORD, f"{sample.WORD}:"):
        return sample.fetch(progress)
    _check_address(text)
    for kind in ADDRESSES:
        if kind.matches(text):
            return kind.fetch(text, progress, allow_photo, allow_missing)
    if well_known := known.find(text.removesuffix(":")):
        return known.fetch(well_known, progress)
    if scheme := _SCHEME.match(text):
        raise SourceError(
            f"pawsight cannot fetch photos from {scheme[1]}: addresses ({text}).\n"
            f"Download them, and give the folder or the archive they are in."
        )
    raise SourceError(_not_found_message(path, text))


def _check_address(text: str) -> None:
    """Refuse a malformed address, which each library would report in another way."""
    if "://" not in text:
        return
    try:
        parts = urlsplit(text)
        _ = parts.port, (parts.hostname or "").encode("idna")
    except ValueError as error:
        raise SourceError(
            f"{text} is not a valid address: {first_line(error)}.\n"
            f"Check its host and port; a password in it must be percent-encoded: %2F for a slash."
        ) from error


def _fetch_local(
    path: Path, progress: Progress, stage: Staging, allow_photo: bool, allow_missing: bool
) -> Source:
    if path.name == SHARD_INDEX and path.is_file():
        path = path.parent
    if path.is_dir() and is_packed(path):
        return tar_shards.fetch(path, progress, with_labels=not allow_photo)
    if path.is_dir():
        return staging.fetch(path, progress, stage, allow_missing)
    if not path.is_file():
        raise SourceError(f"{path} is neither a folder nor a file, so it holds no photos.")
    try:
        with path.open("rb") as file:
            start = file.read(archive.START_BYTES)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}.") from error
    if content := unread_files.wrong_download(start):
        what = "table" if table.is_table(path, start) else "archive"
        raise SourceError(f"{path} is no {what}, but {content}")
    if unread_files.is_document(path) or unread_files.is_piece(path):
        raise SourceError(unread_files.no_source(path))
    if archive.is_archive(path, start):
        return archive.fetch(path, progress)
    if table.is_table(path, start):
        return table.fetch(path)
    absolute = str(path.absolute())
    for kind in ADDRESSES:
        if kind.matches(absolute):
            return kind.fetch(absolute, progress, allow_photo, allow_missing)
    raise SourceError(unread_files.no_source(path))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # the name is too long, or has a NUL character
        return False


def _not_found_message(path: Path, text: str) -> str:
    if path.is_symlink():
        return f"{text} is a link that leads nowhere."
    missing = path  # the outermost folder that does not exist
    while not _exists(missing.parent):
        missing = missing.parent
    message = f"There is no file or folder {text}."
    if missing != path:
        message += f"\nThere is no {missing} either."
    try:
        names = {other.name.lower(): other.name for other in missing.parent.iterdir()}
    except OSError:
        names = {}
    near = difflib.get_close_matches(missing.name.lower(), names, n=1)
    if near:
        return f"{message}\nDid you mean {missing.with_name(names[near[0]])}?"
    sets = [known_set.name for known_set in known.known_sets()]
    near = difflib.get_close_matches(text.lower(), sets, n=1, cutoff=0.7)
    if near:
        return f"{message}\nDid you mean the well-known set {near[0]}?"
    return f"{message}\nLooked in {missing.parent.absolute()}."


class _Address(Protocol):
    """A module for one kind of address."""

    def matches(self, text: str) -> bool:
        """Return whether a text is an address of this kind."""

    def fetch(
        self, text: str, progress: Progress, allow_photo: bool = False, allow_missing: bool = False
    ) -> Source:
        """Fetch the photos to this machine."""


ADDRESSES: tuple[_Address, ...] = (
    drive,
    cloud,
)
