"""Know before a sort begins whether its copies fit on the disk."""

from __future__ import annotations

import os
import shutil

from pawsight.errors import DiskError
from pawsight.sorting.sort_plan import Sorting

# os, not pathlib: 100,000 photos may be asked for their disk.
# ruff: noqa: PTH112, PTH116, PTH120

_RESERVE_BYTES = 50e6  # left free on a disk


def need_space(sorting: Sorting) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises:
        DiskError: The copies are larger than what is free.
    """
    place = str(sorting.into)
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    device = os.stat(place).st_dev
    copied = [
        placement.size
        for placement in sorting.placements
        if placement.status == "planned"
        and (
            sorting.how == "copy"
            or (sorting.how == "move" and _device_of(placement.path) != device)
        )
    ]
    free = shutil.disk_usage(place).free
    if copied and sum(copied) + _RESERVE_BYTES > free:
        raise DiskError(
            f"The photos take {sum(copied) / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free in "
            f"{place}. Nothing was done.\nFree some space, sort into a folder on another disk, or "
            f"use --link."
        )


def _device_of(path: str) -> int | None:
    try:
        return os.stat(path).st_dev
    except OSError:
        return None
