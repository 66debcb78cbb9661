"""Files that are written whole or not at all.

Each file is written beside its name, flushed to the disk and then renamed onto
it. A killed process or a power cut leaves the old file or the new one, never
half of one. What a killed process leaves is removed by the next write into the
same folder.

Flushing (fsync of the file, then of its folder) took 8 to 16 ms for a file of
2 kB, and a write without it 0.2 ms (medians of 200, ext4 on a virtual disk, 2
cores that others used too); a run writes about 50 files and its checkpoints.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import platform
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pawsight.errors import DiskError

_DAY_SECONDS = 24 * 3600
_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:6]
_TEMPORARY = re.compile(r"\.pawsight-([0-9a-f]{6})-(\d+)-[0-9a-f]{8}-.*", re.DOTALL)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, and rename it to `path` when the block succeeds.

    The new file has the permissions that the umask gives, and in a private
    folder those of its owner alone.

    Raises:
        DiskError: The folder cannot be made or written, or the disk is full.
    """
    make_dir(path.parent)
    temporary = temporary_path(path)
    try:
        remove_abandoned(path.parent)
        create_file(temporary)
    except OSError as error:
        raise DiskError(f"Cannot write into {path.parent}: {error.strerror}.") from error
    try:
        with disk_errors(path):
            yield temporary
            flush(temporary)
            temporary.replace(path)
            flush(path.parent)
    finally:
        with contextlib.suppress(OSError):  # on a disk that cannot be written the next write will
            temporary.unlink(missing_ok=True)


def temporary_path(path: Path) -> Path:
    """Return a new temporary name beside `path`, which holds the id of this process."""
    # The suffix stays: Keras and Matplotlib choose the format by it.
    name = f".pawsight-{_HOST}-{os.getpid()}-{secrets.token_hex(4)}-{path.name[-40:]}"
    return path.with_name(name)


def remove_abandoned(folder: Path) -> None:
    """Remove the temporary files and folders of killed processes from a folder.

    Those of another machine may be in use, and go when they are a day old.
    """
    import shutil  # here, since there is hardly ever something to remove

    with os.scandir(folder) as entries:
        abandoned = [Path(entry.path) for entry in entries if _is_abandoned(entry)]
    for path in abandoned:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()


def create_file(path: Path) -> None:
    """Create an empty file unless it exists, for its owner alone if its folder is private.

    Raises:
        OSError: It cannot be created.
    """
    with contextlib.suppress(FileExistsError):
        os.close(opener(str(path), os.O_CREAT | os.O_EXCL | os.O_WRONLY))


def opener(path: str, flags: int) -> int:
    """Open a file for `open(..., opener=opener)`; new ones in private folders are private."""
    folder = os.path.dirname(path) or "."  # noqa: PTH120 - called for each file of an archive
    return os.open(path, flags, 0o600 if _is_private(folder) else 0o666)


def flush(path: Path) -> None:
    """Flush a file, or the entries of a folder, to the disk, so that they survive a power cut."""
    if os.name == "nt" and path.is_dir():
        return  # Windows has no such call
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a drive that cannot flush
            raise
    finally:
        os.close(handle)


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Translate an OSError in the block into a DiskError that names `path`."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskError(
                f"The disk is full: {path} could not be written.\nFree some space and try again."
            ) from error
        raise DiskError(f"Cannot write {path}: {error.strerror or error}.") from error


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, as UTF-8 (surrogate-escaped bytes stay as they were)."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically, indented, in UTF-8."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def plain_name(name: str) -> str:
    """Return a name that is a plain file name on every system."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "photos"


def make_dir(folder: Path) -> None:
    """Create a folder and its parents; below a private folder they are private too.

    Raises:
        DiskError: It cannot be created, or a file has that name.
    """
    try:
        make_durable_dirs(folder)
    except FileExistsError:
        raise DiskError(
            f"Cannot make the folder {folder}: a file has that name.\nChoose another folder."
        ) from None
    except OSError as error:
        raise DiskError(
            f"Cannot make the folder {folder}: {error.strerror}.\nChoose another folder."
        ) from error


def make_dirs(folder: Path, exist_ok: bool = True) -> None:
    """Create a folder and its parents as `make_dir` does; a power cut may take them again.

    Raises:
        OSError: It cannot be created, or a file has that name.
    """
    if "\0" in os.fspath(folder):  # for which mkdir raises a ValueError
        raise OSError(errno.EINVAL, "the name holds a NUL character")
    if not folder.parent.is_dir():
        make_dirs(folder.parent)
    folder.mkdir(0o700 if _is_private(folder.parent) else 0o777, exist_ok=exist_ok)


def make_durable_dirs(folder: Path) -> None:
    """Create a folder and its parents as `make_dir` does, and flush the names of the new ones.

    Raises:
        OSError: It cannot be created, or a file has that name.
    """
    new = [one for one in (folder, *folder.parents) if not one.is_dir()]
    make_dirs(folder)
    for one in new:
        flush(one.parent)


def _is_private(folder: str | Path) -> bool:
    return os.name != "nt" and os.stat(folder).st_mode & 0o077 == 0  # noqa: PTH116


def _is_abandoned(entry: os.DirEntry[str]) -> bool:
    made = _TEMPORARY.fullmatch(entry.name)
    if not made:
        return False
    if made[1] == _HOST and os.name != "nt":
        return not is_running(int(made[2]))
    with contextlib.suppress(OSError):
        return time.time() - entry.stat(follow_symlinks=False).st_mtime > _DAY_SECONDS
    return False


def is_running(process: int) -> bool:
    """Return whether a process of this machine runs; not for Windows, where it would be ended."""
    try:
        os.kill(process, 0)  # sends nothing
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True
