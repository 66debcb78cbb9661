"""Convert the names of remote files to safe and unique names on the local disk."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence

_MAX_BYTES = 240  # of a name; most systems allow 255, and " (2)" may be added
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\<>:"|?*]' if os.name == "nt" else r"[\x00-\x1f\x7f/\\]")

# Surrogates that stand for bytes that are not UTF-8 are kept on Linux, where a name may have them.
_NO_TEXT = re.compile(
    "[\ud800-\udc7f\udd00-\udfff]" if sys.platform == "linux" else "[\ud800-\udfff]"
)


def safe_path(parts: Sequence[str]) -> str:
    """Join names into a path that stays below its folder.

    Args:
        parts: The names of the folders and of the file; a slash in a name is part of the
            name.

    Returns:
        The safe names, joined by "/". A safe name has no slash and no control character, is
        not "..", and is short enough for a disk.
    """
    return "/".join(map(_safe_name, parts))


def unique_paths(paths: Iterable[str]) -> list[str]:
    """Return the paths, with a number in each path that repeats another path or is its folder.

    The second "tom.jpg" becomes "tom (2).jpg". Upper and lower case count as equal, as on
    many disks.
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
    end = path.find("/")
    while end > 0:
        yield path[:end]
        end = path.find("/", end + 1)


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()
