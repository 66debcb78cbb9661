"""Check that the copies of a sort fit on the disk before it begins."""

from __future__ import annotations

import os

from pawsight.sorting.sort_plan import Sorting
from pawsight.storage import disk_space

# os, not pathlib: it is faster for 100,000 photos.
# ruff: noqa: PTH116

_RESERVE_BYTES = 50_000_000  # left free on a disk


def need_space(sorting: Sorting) -> None:
    """Check that the disk has space for the files that a sort copies.

    Raises:
        DiskError: The disk is too full.
    """
    folder = sorting.into
    while not folder.is_dir():
        folder = folder.parent
    device = folder.stat().st_dev
    num_bytes = sum(
        placement.size
        for placement in sorting.placements
        if placement.status == "planned"
        and (
            sorting.how == "copy"
            or (sorting.how == "move" and _device_of(placement.path) != device)
        )
    )
    if num_bytes:
        disk_space.check_space(
            sorting.into,
            num_bytes,
            "sort the photos",
            reserve=_RESERVE_BYTES,
            advice="Nothing was done. Free some space, sort into a folder on another disk, or use "
            "--link.",
        )


def _device_of(path: str) -> int | None:
    try:
        return os.stat(path).st_dev
    except OSError:
        return None
