"""Leave room on the disk that the cache lies on."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from pawsight.errors import DiskError

RESERVE_BYTES = 256 << 20  # left free
# What of an OSError is the disk's fault; others are the fault of one file's name.
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EMFILE, errno.EIO}


def need_space(
    folder: Path, num_bytes: int, task: str, *, known: int = 0, reserve: int = RESERVE_BYTES
) -> None:
    """Refuse to fill the disk to the brim.

    Args:
        folder: Where to.
        num_bytes: Still to be written.
        task: What for, such as "unpack pets.zip".
        known: What it needs as far as that is known, where that is more.
        reserve: Bytes to leave free.

    Raises:
        DiskError: They would leave too little room.
    """
    free = shutil.disk_usage(folder).free
    if free < num_bytes + reserve:
        raise DiskError(
            f"The disk is too full to {task}: it needs {max(num_bytes, known) / 1e9:.1f} GB, and "
            f"{free / 1e9:.1f} GB are free in {folder.parent}.\nFree some space, or name a folder "
            f"on another disk: PAWSIGHT_CACHE=/a/folder pawsight ..."
        )
