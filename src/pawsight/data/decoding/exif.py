"""Single entries of EXIF data.

Pillow's own reading of EXIF data loads every entry, which damaged or malicious
data can make arbitrarily slow and large. Here only the first directory is read,
and of it the entries that are wanted.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

_PREFIX = b"Exif\0\0"
_NUMBERS = {1: "B", 3: "H", 4: "I"}  # the types of number that are read
_TEXT = 2
_MAX_ENTRIES = 4096  # real EXIF data has some dozens
_MAX_CHARACTERS = 64


class _Entry(NamedTuple):
    """An entry of a directory: its tag, its type, how many values, and where it begins."""

    tag: int
    kind: int
    num_values: int
    place: int


def exif_of(info: dict[Any, Any]) -> bytes:
    """Return the EXIF data among what Pillow found beside the picture; b"" if there are none."""
    exif = info.get("exif")
    if isinstance(exif, bytes):
        return exif.removeprefix(_PREFIX)
    text = info.get("Raw profile type exif")  # as ImageMagick writes it into a PNG
    if isinstance(text, str):
        try:
            digits = "".join(text.split("\n")[3:])
            return bytes.fromhex(digits).removeprefix(_PREFIX)
        except ValueError:
            return b""
    return b""


def number_of(exif: bytes, tag: int) -> int | None:
    """Read a whole number; None where it is absent. Damaged data do not make a damaged photo."""
    order, entries = _entries(exif)
    for entry in entries:
        if entry.tag == tag:
            letter = _NUMBERS.get(entry.kind)
            return struct.unpack_from(order + letter, exif, entry.place + 8)[0] if letter else None
    return None


def texts_of(exif: bytes, tags: tuple[int, ...]) -> list[str]:
    """Read texts, each of at most 64 printable characters; "" for one that is absent."""
    order, entries = _entries(exif)
    texts = dict.fromkeys(tags, "")
    for entry in entries:
        if entry.tag in texts and entry.kind == _TEXT:
            at = entry.place + 8
            if entry.num_values > 4:  # too long for the entry: the value is elsewhere
                at = struct.unpack_from(order + "I", exif, at)[0]
            value = exif[at : at + min(entry.num_values, _MAX_CHARACTERS)].partition(b"\0")[0]
            letters = value.decode("latin-1")
            texts[entry.tag] = "".join(c for c in letters if c.isprintable()).strip()
    return list(texts.values())


def _entries(exif: bytes) -> tuple[str, Iterator[_Entry]]:
    """Return the byte order of EXIF data and the entries of the first directory."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None or len(exif) < 8:
        return "<", iter(())
    start = struct.unpack_from(order + "I", exif, 4)[0]
    if start + 2 > len(exif):
        return "<", iter(())
    count = min(struct.unpack_from(order + "H", exif, start)[0], _MAX_ENTRIES)
    places = range(start + 2, min(start + 2 + 12 * count, len(exif) - 11), 12)
    return order, (_entry(exif, order, place) for place in places)


def _entry(exif: bytes, order: str, place: int) -> _Entry:
    tag, kind, num_values = struct.unpack_from(order + "HHI", exif, place)
    return _Entry(tag, kind, num_values, place)
