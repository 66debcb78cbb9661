"""Fetch the addresses and archives among the inputs before anything is predicted."""

from __future__ import annotations

import os
from collections.abc import Iterable

from pawsight.data.file_types import ARCHIVE_ENDINGS
from pawsight.progress import Progress


def is_fetched(name: str) -> bool:
    """Return whether photos are fetched or unpacked first: an address, or a local archive."""
    if os.path.lexists(name):
        return name.lower().endswith(ARCHIVE_ENDINGS) and os.path.isfile(name)  # noqa: PTH113
    if ":" not in name:
        return False
    from pawsight.data.sources import is_address  # takes longer to import than to predict a photo

    return is_address(name)


def fetch_addresses(names: Iterable[str], progress: Progress) -> list[str]:
    """Return the names with a local folder or photo in the place of each address and archive.

    Args:
        names: Files, folders, patterns and addresses, as `expand` takes them.
        progress: Receives what is fetched.

    Raises:
        SourceError: Photos cannot be fetched; the text is the reason.
        DiskError: The cache cannot be written, or the disk is too full.
    """
    found = []
    for name in names:
        if is_fetched(name):
            from pawsight.data.sources import fetch

            source = fetch(name, progress, allow_photo=True)
            found.append(str(source.photo or source.root))
        else:
            found.append(name)
    return found
