"""Compute and compare checksums of files."""

from __future__ import annotations

import hashlib
from pathlib import Path


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """Compute a checksum of a file, in hexadecimal digits; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def has_checksum(path: Path, checksum: str) -> bool:
    """Return whether a file has a given MD5 or SHA-256 (hexadecimal digits); raises OSError."""
    algorithm = "md5" if len(checksum) == 32 else "sha256"
    return file_digest(path, algorithm) == checksum.lower()
