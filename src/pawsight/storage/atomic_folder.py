"""A folder that appears whole or not at all, and never replaces anything."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from pawsight.errors import DiskError
from pawsight.storage.atomic import (
    disk_errors,
    flush,
    make_dirs,
    make_durable_dirs,
    remove_abandoned,
    temporary_path,
)

_FLUSHED_SINGLY = 100  # files; of more, one flush of all disks takes less time


def check_free(out: Path) -> None:
    """Check that a folder is absent or empty; raises DiskError."""
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists() or out.is_symlink():
        raise DiskError(
            f"{out} is not empty, and pawsight never overwrites anything.\n"
            f"Choose another folder, or remove this one first."
        )


@contextlib.contextmanager
def new_folder(out: Path, keep_existing: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside `out`, and rename it to `out` when the block succeeds.

    Its files are flushed to the disk before. A killed process leaves the
    temporary folder, which the next one that writes beside it removes.

    Args:
        out: The folder, absent or empty.
        keep_existing: Keep `out`, and drop the new folder, if another process
            made `out` meanwhile; for content that is the same in every process.

    Raises:
        DiskError: `out` holds something, the place cannot be written, or the disk is full.
    """
    if not keep_existing:
        check_free(out)
    temporary = temporary_path(out)
    try:
        make_durable_dirs(out.parent)
        remove_abandoned(out.parent)
        make_dirs(temporary, exist_ok=False)
    except OSError as error:
        raise DiskError(
            f"Cannot write into {out.parent}: {error.strerror}.\nChoose another folder."
        ) from error
    try:
        with disk_errors(out):
            yield temporary
            _flush_all(temporary)
            try:
                if not keep_existing and out.is_dir():
                    out.rmdir()  # it is empty; not every system replaces such a folder
                temporary.rename(out)
            except OSError:
                if not (keep_existing and out.is_dir()):
                    raise
            flush(out.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _flush_all(folder: Path) -> None:
    paths = [path for path in folder.rglob("*") if not path.is_symlink()]
    if len(paths) > _FLUSHED_SINGLY and hasattr(os, "sync"):
        os.sync()
        return
    for path in (*paths, folder):
        flush(path)
