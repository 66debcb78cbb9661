"""The version and the checksum that a store states for a file."""

from __future__ import annotations

import base64
import re
from typing import Any

_MD5 = re.compile(r"[0-9a-f]{32}")

# Keys under which the file systems state the modification time.
_MODIFIED = ("LastModified", "last_modified", "mtime", "modify", "modified")


def version_of(info: dict[str, Any]) -> str:
    """Return a text that changes when the content does, from fsspec's `info()` of the file."""
    for key in ("ETag", "etag", "generation", "blob_id"):
        if stated := info.get(key):
            # Another text for an opaque ETag, so that a file whose checksum was taken for an MD5
            # is copied again.
            return str(stated).strip('"') + (" opaque" if info.get("has_opaque_etag") else "")
    modified = next((info[key] for key in _MODIFIED if info.get(key)), None)
    return f"{modified} {info['size']}"


def checksum_of(info: dict[str, Any]) -> str:
    """Return the MD5 or SHA-256 of a file in hexadecimal digits, "" if the store states none."""
    if stated := info.get("md5Hash"):  # Google
        return base64.b64decode(stated).hex()
    settings = info.get("content_settings") or {}  # Azure
    if stated := settings.get("content_md5"):
        return bytes(stated).hex()
    large = info.get("lfs") or {}  # Hugging Face
    if stated := large.get("sha256"):
        return str(stated)
    # S3: the ETag of a file that was uploaded in one part, and is not encrypted with a key.
    stated = str(info.get("ETag", "")).strip('"')
    return stated if _MD5.fullmatch(stated) and not info.get("has_opaque_etag") else ""
