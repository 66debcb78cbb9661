"""Check that the disk has enough space before a large write begins."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from pawsight.errors import DiskError

RESERVE_BYTES = 256 << 20  # left free
# The numbers of errors that concern all files of a disk; others concern one file, such as its name.
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EMFILE, errno.EIO}
_ADVICE = "Free some space, or name a folder on another disk: PAWSIGHT_CACHE=/a/folder pawsight ..."


def free_bytes(folder: Path) -> int:
    """Return the free bytes of the disk that a folder is on, or would be on; raises OSError."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def check_space(
    folder: Path,
    num_bytes: int,
    task: str,
    *,
    known_bytes: int = 0,
    reserve: int = RESERVE_BYTES,
    advice: str = _ADVICE,
) -> None:
    """Check that a disk has enough space for what is to be written.

    Args:
        folder: The folder to write into; it need not exist.
        num_bytes: Bytes still to be written; a negative number counts as 0.
        task: The purpose, such as "unpack pets.zip".
        known_bytes: Bytes that the message states as needed, if more than `num_bytes`.
        reserve: Bytes to leave free.
        advice: What the user can do: the last line of the message.

    Raises:
        DiskError: Fewer bytes than `reserve` would be left.
        OSError: The free space cannot be read.
    """
    free, num_bytes = free_bytes(folder), max(0, num_bytes)
    if free < num_bytes + reserve:
        kept = f", of which {_size(reserve)} stay free" if reserve else ""
        raise DiskError(
            f"The disk is too full to {task}: it needs {_size(max(num_bytes, known_bytes))}, and "
            f"{_size(free)} are free in {folder.parent}{kept}.\n{advice}"
        )


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e8 else f"{num_bytes / 1e6:.1f} MB"
