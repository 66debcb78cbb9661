"""A folder that appears whole or not at all, and never in the place of anything."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pawsight.errors import DiskError
from pawsight.storage.atomic import disk_errors

_PREFIX = ".pawsight-export-"  # of what is being written; a killed export leaves it behind


def check_free(out: Path) -> None:
    """Refuse a folder that holds something.

    Raises:
        DiskError: It does, or a file has its name.
    """
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists() or out.is_symlink():
        raise DiskError(
            f"{out} is there already, and an export never overwrites anything.\n"
            f"Choose another --out folder, or remove this one first."
        )


@contextlib.contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Give a temporary folder beside `out`, which becomes `out` when the block succeeds.

    Raises:
        DiskError: `out` holds something, the place cannot be written, or the disk is full.
    """
    check_free(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=out.parent))
    except OSError as error:
        raise DiskError(
            f"Cannot write into {out.parent}: {error.strerror}.\nChoose another --out folder."
        ) from error
    try:
        with disk_errors(out):
            yield temporary
            temporary.chmod(0o755)  # mkdtemp's are for their owner alone
            if out.is_dir():
                out.rmdir()  # it is empty; not every system replaces such a folder
            temporary.rename(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
