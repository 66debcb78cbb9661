"""Refuse run folders that contain devices or pipes, which could be read without end."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from pawsight.errors import RunError
from pawsight.formatting import printable


def refuse_devices(folder: Path, depth: int = 3) -> None:
    """Refuse a folder that contains a device, pipe or socket, or a link to one of these.

    Args:
        folder: The folder; a folder that cannot be listed is not checked.
        depth: How many levels of folders are checked, `folder` included.

    Raises:
        RunError: An entry is neither a file nor a folder.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if depth > 1:
                    refuse_devices(Path(entry), depth - 1)
            elif Path(entry).exists() and not (entry.is_file() or entry.is_dir()):
                raise RunError(
                    f"{printable(entry.path)} is a device or pipe, which is not read.\n"
                    f"Remove it, or use another run."
                )
