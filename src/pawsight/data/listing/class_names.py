"""Names of classes, made of the names of folders, and lists of names in messages."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable


def class_name(folder_name: str) -> str:
    r"""Return a class name for a folder's name: the same text on any system, and always text.

    Accented letters are written in one way (macOS stores them in another), and
    bytes that are no UTF-8 are spelled out, such as `caf\xe9`.
    """
    text = os.fsencode(folder_name).decode("utf-8", errors="backslashreplace")
    return unicodedata.normalize("NFC", text)


def listed(names: Iterable[str], most: int = 5) -> str:
    """Return the first names, separated by commas, and how many more there are."""
    some = [*names]
    first = ", ".join(some[:most])
    return first if len(some) <= most else f"{first} and {len(some) - most:,} more"
