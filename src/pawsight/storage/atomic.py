"""Files that are written whole or not at all.

Each file is written under a temporary name in its folder, flushed to the disk
and then renamed. A killed process or a power cut leaves the old file or the new
file, never a part of a file. The next write into the folder removes temporary
files that killed processes left.

Flushing (fsync of the file, then of its folder) took 8 to 16 ms for a file of
2 kB, and a write without flushing took 0.2 ms (medians of 200 writes, ext4 on a
virtual disk, 2 cores shared with other programs). A run writes about 50 files
besides its checkpoints.
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

    In a private folder (which only its owner can access) the new file is private
    too; elsewhere the umask decides.

    Raises:
        DiskError: The folder cannot be created or written, or the disk is full.
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
        with contextlib.suppress(OSError):  # else the next write into the folder removes it
            temporary.unlink(missing_ok=True)


def temporary_path(path: Path) -> Path:
    """Return a new temporary path beside `path`, with the id of this process in its name."""
    # The suffix is kept: Keras and Matplotlib choose the file format by the suffix.
    name = f".pawsight-{_HOST}-{os.getpid()}-{secrets.token_hex(4)}-{path.name[-40:]}"
    return path.with_name(name)


def remove_abandoned(folder: Path) -> None:
    """Remove the temporary files and folders of killed processes from a folder.

    Temporary files of another machine may be in use, so they are removed only when they are a
    day old.
    """
    import shutil  # here: there is hardly ever something to remove

    with os.scandir(folder) as entries:
        abandoned = [Path(entry.path) for entry in entries if _is_abandoned(entry)]
    for path in abandoned:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()


def create_file(path: Path) -> None:
    """Create an empty file unless it exists; it is private if its folder is private.

    Raises:
        OSError: The file cannot be created.
    """
    with contextlib.suppress(FileExistsError):
        os.close(opener(str(path), os.O_CREAT | os.O_EXCL | os.O_WRONLY))


def opener(path: str, flags: int) -> int:
    """Open a file for `open(..., opener=opener)`; a new file in a private folder is private."""
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
    """Write a text file atomically, as UTF-8; surrogate escapes are written as their bytes."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically, indented, in UTF-8."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def plain_name(name: str) -> str:
    """Return a name in which characters that a file system may refuse are replaced by "-"."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "photos"


def make_dir(folder: Path) -> None:
    """Create a folder and its parents, and flush the names of the new folders to the disk.

    Below a private folder the new folders are private too.

    Raises:
        DiskError: The folder cannot be created, or a file has that name.
    """
    try:
        missing = [path for path in (folder, *folder.parents) if not path.is_dir()]
        make_dirs(folder)
        for path in missing:
            flush(path.parent)
    except FileExistsError:
        raise DiskError(
            f"Cannot make the folder {folder}: a file has that name.\nChoose another folder."
        ) from None
    except OSError as error:
        raise DiskError(
            f"Cannot make the folder {folder}: {error.strerror}.\nChoose another folder."
        ) from error


def check_writable(folder: Path, advice: str = "Choose another folder.") -> None:
    """Check, before work that takes time, that a folder can be written, or be created.

    Args:
        folder: The folder.
        advice: The end of the message: what the user can do.

    Raises:
        DiskError: It, or the folder that it would be created in, cannot be written.
    """
    path = folder.absolute()
    existing = next(parent for parent in (path, *path.parents) if os.path.lexists(parent))
    if not existing.is_dir():
        existing = existing.parent  # that a file has the name is found by others
    if not os.access(existing, os.W_OK | os.X_OK):
        raise DiskError(f"Cannot write into {existing}: no permission.\n{advice}")


def make_dirs(folder: Path, exist_ok: bool = True) -> None:
    """Create a folder and its parents as `make_dir` does, without flushing their names.

    Args:
        folder: The folder.
        exist_ok: Whether the folder may exist already.

    Raises:
        OSError: The folder cannot be created, or a file has that name.
    """
    if "\0" in os.fspath(folder):  # mkdir would raise a ValueError
        raise OSError(errno.EINVAL, "the name holds a NUL character")
    if not folder.parent.is_dir():
        make_dirs(folder.parent)
    folder.mkdir(0o700 if _is_private(folder.parent) else 0o777, exist_ok=exist_ok)


def _is_private(folder: str | Path) -> bool:
    return os.name != "nt" and os.stat(folder).st_mode & 0o077 == 0  # noqa: PTH116


def _is_abandoned(entry: os.DirEntry[str]) -> bool:
    match = _TEMPORARY.fullmatch(entry.name)
    if not match:
        return False
    host, process_id = match.groups()
    if host == _HOST and os.name != "nt":
        return not is_running(int(process_id))
    with contextlib.suppress(OSError):
        return time.time() - entry.stat(follow_symlinks=False).st_mtime > _DAY_SECONDS
    return False


def is_running(process_id: int) -> bool:
    """Return whether a process of this machine runs.

    Not for Windows, where `os.kill` would end the process.
    """
    try:
        os.kill(process_id, 0)  # signal 0 only checks that the process exists
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True
