"""Unpack an archive into the cache; later calls use the unpacked folder.

The folder gets its final name when it is complete, so a killed process leaves no
incomplete folder that is used later. If an archive has changed, it gets a new folder.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from pawsight.data.file_types import ARCHIVE_ENDINGS
from pawsight.data.sources.source import Source
from pawsight.data.sources.unpack import Limits, unpack
from pawsight.errors import SourceError
from pawsight.progress import Progress
from pawsight.storage.atomic_folder import new_folder
from pawsight.storage.cache import cache_dir, mark_in_use

START_BYTES = 512
_COMPRESSED_STARTS = (b"\x1f\x8b", b"\xfd7zXZ\x00", b"BZh")
_FOREIGN_STARTS = {b"Rar!": ".rar", b"7z\xbc\xaf\x27\x1c": ".7z", b"\x28\xb5\x2f\xfd": ".zst"}


def is_archive(path: Path, start: bytes) -> bool:
    """Return whether a file is an archive by its content or its name.

    Args:
        path: The file.
        start: Its first START_BYTES bytes.

    Raises:
        SourceError: The archive is of a kind that pawsight cannot unpack.
    """
    for first, ending in _FOREIGN_STARTS.items():
        if start.startswith(first):
            raise SourceError(
                f"{path} is a {ending} archive, which pawsight cannot unpack.\n"
                f"Unpack it yourself and give the folder, or pack it as .zip."
            )
    return (
        start.startswith((b"PK\x03\x04", b"PK\x05\x06", *_COMPRESSED_STARTS))
        or start[257:262] == b"ustar"
        or path.name.lower().endswith(ARCHIVE_ENDINGS)
    )


def fetch(path: Path, progress: Progress, limits: Limits | None = None) -> Source:
    """Unpack an archive into the cache, unless it was unpacked before.

    Args:
        path: The archive.
        progress: Receives the files or bytes unpacked.
        limits: Limits for untrusted archives; None is the default limits.

    Raises:
        SourceError: The archive is damaged, needs a password, holds no photos, or
            exceeds the limits.
        DiskError: The cache cannot be written, or the disk is too full.
    """
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute keeps ".."
    name = stem_of(absolute.name)
    status = absolute.stat()
    identity = os.fsencode(absolute) + f"\0{status.st_size}\0{status.st_mtime_ns}".encode()
    folder = cache_dir("unpacked") / f"{name}-{hashlib.sha256(identity).hexdigest()[:16]}"
    mark_in_use(folder)
    if not folder.is_dir():
        with new_folder(folder, keep_existing=True) as temporary:
            unpack(absolute, temporary, progress, limits or Limits())
    return Source(name, folder)


def stem_of(name: str) -> str:
    """Return the name of an archive without its ending, such as "pets" for "pets.tar.gz"."""
    for ending in sorted(ARCHIVE_ENDINGS, key=len, reverse=True):
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return Path(name).stem
