"""Devices and pipes in a run folder."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from pawsight.errors import RunError
from pawsight.formatting import printable


def refuse_devices(folder: Path, depth: int = 3) -> None:
    """Refuse what is neither a file nor a folder, or a link to such, in a folder and below.

    Raises:
        RunError: There is such a thing, which could be read without end.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if depth > 1:
                    refuse_devices(Path(entry), depth - 1)
            elif Path(entry).exists() and not (entry.is_file() or entry.is_dir()):
                raise RunError(
                    f"{printable(entry.path)} is a device or pipe, which is not read.\n"
                    f"Remove it, or take another run."
                )
