"""Fetch the addresses and archives among the inputs of a prediction."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pawsight.addresses import public_address
from pawsight.data.file_types import ARCHIVE_ENDINGS, is_packed
from pawsight.progress import Progress

if TYPE_CHECKING:
    from pawsight.data.sources import Source


class FetchedPath(str):
    """A path in the cache, with the user's name of the file or folder as `shown`."""

    shown: str

    def __new__(cls, path: str, shown: str = "") -> FetchedPath:
        """Create a path."""
        fetched = super().__new__(cls, path)
        fetched.shown = shown
        return fetched

    def inside(self, path: str) -> FetchedPath:
        """Return the path of a file in this folder, given relative to it."""
        full = os.path.normpath(os.path.join(self, path))  # noqa: PTH118
        return FetchedPath(full, f"{self.shown}/{path}")


def is_fetched(name: str) -> bool:
    """Return whether a name is an address, an archive or a packed set, which is fetched first."""
    if os.path.lexists(name):
        is_archive = name.lower().endswith(ARCHIVE_ENDINGS) and os.path.isfile(name)  # noqa: PTH113
        return is_archive or is_packed(name)
    if ":" not in name:
        return False
    from pawsight.data.sources import is_address  # slower to import than a photo is to predict

    return is_address(name)


def fetch_addresses(names: Iterable[str], progress: Progress) -> list[str]:
    """Fetch addresses and archives, and replace their names by local folders or photos.

    Args:
        names: Files, folders, patterns, addresses and archives, as the user gave them.
        progress: Receives the downloads.

    Returns:
        The names, in their order; a fetched photo or folder is a `FetchedPath`.

    Raises:
        SourceError: Photos cannot be fetched; the text is the reason.
        DiskError: The cache cannot be written, or the disk is full.
    """
    paths: list[str] = []
    for name in names:
        if is_fetched(name):
            from pawsight.data.sources import fetch

            source = fetch(name, progress, allow_photo=True, allow_missing=True)
            paths.append(FetchedPath(str(source.photo or source.root), _shown(name, source)))
        else:
            paths.append(name)
    return paths


def _shown(name: str, source: Source) -> str:
    """Return the name of a fetched photo or folder for results."""
    if os.path.lexists(name):
        return name
    address = public_address(name)
    if source.photo is not None:
        return address.removesuffix("?anonymous")
    folder = address.partition("?")[0].rstrip("/")
    return folder.rpartition("/")[0] if source.table else folder
