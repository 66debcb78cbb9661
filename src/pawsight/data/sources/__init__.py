"""From what a user calls their photos to a local folder: one module a kind, chosen here.

A new kind of address, or of file, is a module with `matches` and `fetch`, and an entry of
ADDRESSES.
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

# "C:\photos" is no scheme: it takes two letters.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")


def is_address(text: str) -> bool:
    """Return whether photos are named by an address, such as one in Google Drive or on the web.

    Raises:
        SourceError: It is no address, but meant to be one: its host or port is malformed.
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
    """Fetch photos to this machine, once; later calls use the copy.

    Args:
        source: A folder, an archive, a table, a folder or archive in Google Drive
            ("gdrive:My Drive/pets", or its link), in a cloud store or on a web
            server (s3:// gs:// az:// hf:// sftp:// https://), `sample` for the
            built-in drawn photos, or the name of a well-known set such as
            `cats-vs-dogs`. A file or folder of that name comes before a built-in
            meaning.
        progress: Receives the stages: fetching, unpacking, drawing, copying.
        stage: Whether a folder is copied to this machine first: from slow
            network drives ("auto"), from anywhere ("always") or not ("never").
        allow_photo: Whether the address of a single photo is taken, too: to predict, so that the
            labels of a packed set are not read.
        allow_missing: Whether files that could not be copied after several tries are left out.

    Raises:
        SourceError: There is nothing of that name, or it holds no photos that
            pawsight can reach; the text states which.
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
    """Refuse an address that cannot be one, which each library would report in its own way."""
    if "://" not in text:
        return
    try:
        parts = urlsplit(text)
        _ = parts.port, (parts.hostname or "").encode("idna")
    except ValueError as error:
        raise SourceError(
            f"{text} is no address: {first_line(error)}.\n"
            f"Check its host and port; write a password in it percent-encoded: %2F for a slash."
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
        raise SourceError(f"{path} is no {what} at all, but {content}")
    if unread_files.is_document(path) or unread_files.is_piece(path):
        raise SourceError(unread_files.no_source(path))
    if archive.is_archive(path, start):
        return archive.fetch(path, progress)
    if table.is_table(path, start):
        return table.fetch(path)
    here = str(path.absolute())
    for kind in ADDRESSES:
        if kind.matches(here):
            return kind.fetch(here, progress, allow_photo, allow_missing)
    raise SourceError(unread_files.no_source(path))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long for a name, or a NUL in it
        return False


def _not_found_message(path: Path, text: str) -> str:
    if path.is_symlink():
        return f"{text} is a link that leads nowhere."
    here = path
    while not _exists(here.parent):
        here = here.parent
    message = f"There is no file or folder {text}."
    if here != path:
        message += f"\nThere is not even a {here}."
    try:
        names = {other.name.lower(): other.name for other in here.parent.iterdir()}
    except OSError:
        names = {}
    near = difflib.get_close_matches(here.name.lower(), names, n=1)
    if near:
        return f"{message}\nDid you mean {here.with_name(names[near[0]])}?"
    sets = [one.name for one in known.known_sets()]
    near = difflib.get_close_matches(text.lower(), sets, n=1, cutoff=0.7)
    if near:
        return f"{message}\nDid you mean the well-known set {near[0]}?"
    return f"{message}\nLooked in {here.parent.absolute()}."


class _Address(Protocol):
    """A module for one kind of address."""

    def matches(self, text: str) -> bool:
        """Return whether a text is such an address."""

    def fetch(
        self, text: str, progress: Progress, allow_photo: bool = False, allow_missing: bool = False
    ) -> Source:
        """Fetch the photos to this machine."""


ADDRESSES: tuple[_Address, ...] = (
    drive,
    cloud,
)
