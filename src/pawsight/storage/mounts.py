"""Detect folders on network drives, by the system's table of mounts.

Linux keeps that table in a file. Windows recognises shares by their names. Elsewhere
nothing is known, and a folder counts as one of this machine.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

# Errors of a drive that stumbled; a moment later the same call may succeed.
PASSING_ERRORS = {
    getattr(errno, name)
    for name in ("EIO", "EAGAIN", "EINTR", "ETIMEDOUT", "ESTALE", "ENETDOWN", "ENETUNREACH")
    if hasattr(errno, name)
}
_TABLE = Path("/proc/self/mountinfo")
_COLAB_DRIVE = "/content/drive"
# 9p: shared folders of virtual machines and WSL. A FUSE file system is a program of any kind:
# Google Drive, sshfs, rclone, s3fs; those below read a disk of this machine.
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
    """Name the kind of network drive that a folder is on, "" if it is on none.

    Args:
        folder: It must exist; links on the way to it are followed.
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
    """Return Linux's table of mounts; "" elsewhere."""
    try:
        return _TABLE.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _kind_of_mount(real: str, table: str) -> str:
    """Find the file system's kind by the longest mount point above; of equals the last is on top.

    A line reads: id, parent, device, root, mount point, options, any number of
    other fields, a dash, the kind, ... Source: proc_pid_mountinfo(5).
    """
    longest, kind = -1, ""
    for line in table.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        point = _ESCAPE.sub(lambda found: chr(int(found[1], 8)), fields[4]).rstrip("/")
        if f"{real}/".startswith(f"{point}/") and len(point) >= longest:
            longest, kind = len(point), after.split(" ", 1)[0]
    return kind
