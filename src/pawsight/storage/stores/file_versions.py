"""What the stores state of a file: which version it is, and what it must add up to."""

from __future__ import annotations

import base64
import re
from typing import Any

_MD5 = re.compile(r"[0-9a-f]{32}")

# What the file systems call the time of the last change.
_MODIFIED = ("LastModified", "last_modified", "mtime", "modify", "modified")


def version_of(info: dict[str, Any]) -> str:
    """Return a token that changes when the content does, from fsspec's `info()` of the file."""
    for key in ("ETag", "etag", "generation", "blob_id"):
        if stated := info.get(key):
            # Told apart, since one that was held to a wrong checksum is copied again.
            return str(stated).strip('"') + (" opaque" if info.get("has_opaque_etag") else "")
    modified = next((info[key] for key in _MODIFIED if info.get(key)), None)
    return f"{modified} {info['size']}"


def checksum_of(info: dict[str, Any]) -> str:
    """Return the MD5 or SHA-256 of a file in hexadecimal digits, "" if its store states none."""
    if stated := info.get("md5Hash"):  # Google
        return base64.b64decode(stated).hex()
    settings = info.get("content_settings") or {}  # Azure
    if stated := settings.get("content_md5"):
        return bytes(stated).hex()
    large = info.get("lfs") or {}  # Hugging Face
    if stated := large.get("sha256"):
        return str(stated)
    # S3: of a file that came in one piece, and is not encrypted with a key of its own.
    stated = str(info.get("ETag", "")).strip('"')
    return stated if _MD5.fullmatch(stated) and not info.get("has_opaque_etag") else ""
