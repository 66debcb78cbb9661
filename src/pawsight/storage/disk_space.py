"""Check that the disk has enough space before a large write begins."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from pawsight.errors import DiskError

RESERVE_BYTES = 256 << 20  # left free
# What of an OSError is the disk's fault; others are the fault of one file's name.
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EMFILE, errno.EIO}
_ADVICE = "Free some space, or name a folder on another disk: PAWSIGHT_CACHE=/a/folder pawsight ..."


def free_bytes(folder: Path) -> int:
    """Return the free bytes of the disk that a folder is on, or would be on; raises OSError."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def need_space(
    folder: Path,
    num_bytes: int,
    task: str,
    *,
    known: int = 0,
    reserve: int = RESERVE_BYTES,
    advice: str = _ADVICE,
) -> None:
    """Check that a disk has enough space for what is to be written.

    Args:
        folder: Where it is to be written; need not exist.
        num_bytes: Still to be written; below 0 is nothing.
        task: What for, such as "unpack pets.zip".
        known: What it needs as far as that is known, where that is more.
        reserve: Bytes to leave free.
        advice: What the user can do.

    Raises:
        DiskError: Fewer bytes than `reserve` would be left.
    """
    free, num_bytes = free_bytes(folder), max(0, num_bytes)
    if free < num_bytes + reserve:
        kept = f", of which {_size(reserve)} stay free" if reserve else ""
        raise DiskError(
            f"The disk is too full to {task}: it needs {_size(max(num_bytes, known))}, and "
            f"{_size(free)} are free in {folder.parent}{kept}.\n{advice}"
        )


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e8 else f"{num_bytes / 1e6:.1f} MB"
