"""Detect folders on network drives.

On Linux the table of mounts shows them, on Windows the form of the path, and in Google
Colab the folder in which it mounts Google Drive. On other systems every folder counts as
local.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

# Errors of a network drive that are often temporary: a later call may succeed.
TEMPORARY_ERRORS = {
    getattr(errno, name)
    for name in ("EIO", "EAGAIN", "EINTR", "ETIMEDOUT", "ESTALE", "ENETDOWN", "ENETUNREACH")
    if hasattr(errno, name)
}
_TABLE = Path("/proc/self/mountinfo")
_COLAB_DRIVE = "/content/drive"
# 9p: shared folders of virtual machines and WSL. Programs such as Google Drive, sshfs, rclone and
# s3fs provide FUSE file systems of remote files; those in _LOCAL_FUSE read a local disk.
_NETWORK = {"9p", "afs", "ceph", "cifs", "davfs", "fuse", "glusterfs", "nfs", "nfs4", "smb3"}
_LOCAL_FUSE = {
    "fuse.bindfs",
    "fuse.encfs",
    "fuse.fuse-overlayfs",
    "fuse.gocryptfs",
    "fuse.mergerfs",
    "fuse.ntfs-3g",
}
_ESCAPE = re.compile(r"\\([0-7]{3})")


def network_drive(folder: Path) -> str:
    """Return the kind of network drive that a folder is on, such as "nfs"; "" for a local disk.

    Args:
        folder: An existing folder; links in its path are followed.
    """
    real = os.path.realpath(folder)
    if f"{real}/".startswith(f"{_COLAB_DRIVE}/"):
        return "Google Drive"
    if os.name == "nt" and real.startswith("\\\\"):
        return "a share"
    kind = _kind_of_mount(real, read_table())
    is_network = kind in _NETWORK or (kind.startswith("fuse.") and kind not in _LOCAL_FUSE)
    return kind.removeprefix("fuse.") if is_network else ""


def read_table() -> str:
    """Return the table of mounts of Linux; "" on other systems."""
    try:
        return _TABLE.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _kind_of_mount(real: str, table: str) -> str:
    """Return the type of the file system that a path is on, "" if unknown.

    That is the file system with the longest mount point above the path. Of equal mount points
    the last one hides the others.

    A line reads: id, parent, device, root, mount point, options, any number of
    other fields, a dash, the type, ... Source: proc_pid_mountinfo(5).
    """
    longest, kind = -1, ""
    for line in table.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        point = _ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[4]).rstrip("/")
        if f"{real}/".startswith(f"{point}/") and len(point) >= longest:
            longest, kind = len(point), after.split(" ", 1)[0]
    return kind
