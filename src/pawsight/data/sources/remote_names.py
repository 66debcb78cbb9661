"""Convert names of remote files to safe, unique names on this disk."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence

_MAX_BYTES = 240  # of a name; most systems take 255, and " (2)" must fit
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\<>:"|?*]' if os.name == "nt" else r"[\x00-\x1f\x7f/\\]")

# Surrogates are bytes that are not UTF-8; only Linux has names of any bytes.
_NO_TEXT = re.compile(
    "[\ud800-\udc7f\udd00-\udfff]" if sys.platform == "linux" else "[\ud800-\udfff]"
)


def safe_path(parts: Sequence[str]) -> str:
    """Join names into a path that stays below its folder.

    Args:
        parts: The names of the folders and of the file; a slash in one belongs
            to the name.

    Returns:
        One safe name for each, with "/" between: no slash, no control
        character, not "..", and not too long for a disk.
    """
    return "/".join(map(_safe_name, parts))


def unique_paths(paths: Iterable[str]) -> list[str]:
    """Number each path that came before, or is a folder of another: "tom (2).jpg".

    Large and small letters count as the same, since they are on many disks.
    """
    wanted = list(paths)
    taken = {_folded(folder) for path in wanted for folder in _folders_of(path)}
    unique = []
    for path in wanted:
        stem, dot, ending = path.rpartition(".")
        if not dot or "/" in ending:
            stem, dot, ending = path, "", ""
        free, number = path, 1
        while _folded(free) in taken:
            number += 1
            free = f"{stem} ({number}){dot}{ending}"
        taken.add(_folded(free))
        unique.append(free)
    return unique


def _safe_name(name: str) -> str:
    name = _UNSAFE.sub("_", _NO_TEXT.sub("?", name))
    if os.name == "nt":
        name = name.rstrip(". ")
    if name.strip(".") == "":
        return "_" * max(1, len(name))
    if len(os.fsencode(name)) <= _MAX_BYTES:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending.encode()) > 16:
        stem, dot, ending = name, "", ""
    mark = f"-{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}{dot}{ending}"
    cut = os.fsencode(stem)[: _MAX_BYTES - len(os.fsencode(mark))]
    return cut.decode("utf-8", "ignore") + mark


def _folders_of(path: str) -> Iterable[str]:
    at = path.find("/")
    while at > 0:
        yield path[:at]
        at = path.find("/", at + 1)


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()
