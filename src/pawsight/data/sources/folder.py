"""A local folder, which is used where it is and only read."""

from __future__ import annotations

import os
from pathlib import Path

from pawsight.data.sources.source import Source
from pawsight.errors import SourceError


def fetch(path: Path) -> Source:
    """Check that a folder can be listed and is not empty.

    Raises:
        SourceError: The folder cannot be listed, or is empty.
    """
    root = Path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute keeps ".."
    try:
        with os.scandir(root) as entries:
            is_empty = next(entries, None) is None
    except OSError as error:
        raise SourceError(
            f"The folder {path} cannot be read: {error.strerror or error}.\n"
            f"Ask for permission to read it, or copy the photos to a folder of yours."
        ) from error
    if is_empty:
        raise SourceError(
            f"The folder {path} is empty.\nPut photos into it, or give another folder."
        )
    return Source(root.name or "photos", root)
