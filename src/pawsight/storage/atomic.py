"""Files that are written whole or not at all.

Each file is written beside its name and then renamed onto it, so that a killed
process leaves the old file or the new one and never half of one.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pawsight.errors import DiskError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, and move it onto `path` when the block succeeds.

    Raises:
        DiskError: The folder cannot be made or written, or the disk is full.
    """
    make_dir(path.parent)
    try:
        # The suffix stays: Keras and Matplotlib choose the format by it.
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.name)
        os.close(handle)
    except OSError as error:
        raise DiskError(f"Cannot write into {path.parent}: {error.strerror}.") from error
    temporary = Path(name)
    try:
        with disk_errors(path):
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Say in plain words that `path` could not be written.

    Raises:
        DiskError: In the place of an OSError in the block.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskError(
                f"The disk is full: {path} could not be written.\nFree some space and try again."
            ) from error
        raise DiskError(f"Cannot write {path}: {error.strerror or error}.") from error


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, as UTF-8 (bytes that are no UTF-8 stay as they were)."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically, indented, in UTF-8."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def plain_name(name: str) -> str:
    """A name that is a plain file name on any system."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "photos"


def make_dir(folder: Path, exist_ok: bool = True) -> None:
    """Create a folder and its parents.

    Raises:
        DiskError: It cannot be created, or a file has that name.
        FileExistsError: It exists and `exist_ok` is false.
    """
    try:
        folder.mkdir(parents=True, exist_ok=exist_ok)
    except FileExistsError:
        if exist_ok:
            raise DiskError(f"Cannot make the folder {folder}: a file has that name.") from None
        raise
    except OSError as error:
        raise DiskError(f"Cannot make the folder {folder}: {error.strerror}.") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
