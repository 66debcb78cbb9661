"""Folders that are written whole or not at all, and never replace existing content."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from pawsight.errors import DiskError, PawsightError
from pawsight.storage.atomic import (
    check_writable,
    disk_errors,
    flush,
    make_dir,
    make_dirs,
    remove_abandoned,
    temporary_path,
)

_MAX_SINGLE_FLUSHES = 100  # files; beyond that, one flush of all disks takes less time


def check_free(out: Path) -> None:
    """Check that a folder is absent or empty, and can be written.

    Raises:
        DiskError: The folder is not empty, or a file has its name, or no permission.
    """
    check_writable(out)
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists() or out.is_symlink():
        raise DiskError(
            f"{out} is not empty, and pawsight never overwrites anything.\n"
            f"Choose another folder, or remove this folder first."
        )


@contextlib.contextmanager
def new_folder(out: Path, keep_existing: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside `out`, and rename it to `out` when the block succeeds.

    The files in it are flushed to the disk before it is renamed. If a killed
    process leaves a temporary folder, the next call for the same parent removes it.

    Args:
        out: The folder, absent or empty.
        keep_existing: If another process has created `out` meanwhile, keep that folder and
            drop the new one; for content that is the same in every process.

    Raises:
        DiskError: `out` is not empty, its parent cannot be written, or the disk is full.
    """
    if not keep_existing:
        check_free(out)
    temporary = temporary_path(out)
    make_dir(out.parent)
    try:
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
                    out.rmdir()  # it is empty; not every system replaces an empty folder
                temporary.rename(out)
            except OSError:
                if not (keep_existing and out.is_dir()):
                    raise
            flush(out.parent)
    except PawsightError as error:
        # Errors of writing the files in it name the temporary folder.
        error.args = tuple(str(text).replace(str(temporary), str(out)) for text in error.args)
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _flush_all(folder: Path) -> None:
    paths = [path for path in folder.rglob("*") if not path.is_symlink()]
    if len(paths) > _MAX_SINGLE_FLUSHES and hasattr(os, "sync"):
        os.sync()
        return
    for path in (*paths, folder):
        flush(path)
