"""Where pawsight keeps what it can make again.

Unpacked archives, the drawn sample, what ingest read: all of it may be deleted
at any time, which only costs the time to make it again.
"""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

from pawsight.errors import DiskError


def cache_dir() -> Path:
    """Give the cache folder, made if need be: $PAWSIGHT_CACHE, else the system's own place.

    Raises:
        DiskError: The folder cannot be made or written.
    """
    chosen = os.environ.get("PAWSIGHT_CACHE")
    folder = Path(chosen).expanduser().absolute() if chosen else user_cache_path("pawsight")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiskError(_cannot_use(folder, error.strerror or str(error))) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DiskError(_cannot_use(folder, "no permission to write there"))
    return folder


def _cannot_use(folder: Path, reason: str) -> str:
    return (
        f"The cache folder {folder} cannot be used: {reason}.\n"
        f"Name another one: PAWSIGHT_CACHE=/a/folder pawsight ..."
    )
