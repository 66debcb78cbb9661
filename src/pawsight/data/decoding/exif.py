"""Read single entries of EXIF data.

Pillow loads every entry of EXIF data, and damaged or malicious data can make that
arbitrarily slow and large. Here, only the requested entries of the first directory are read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from pawsight.data.decoding.tiff_header import Entry, entries_of

_PREFIX = b"Exif\0\0"
_FORMAT_CHARACTERS = {1: "B", 3: "H", 4: "I"}  # of `struct`, by the type of an entry
_TEXT = 2  # type of an entry
_MAX_CHARACTERS = 64


def exif_of(info: dict[Any, Any]) -> bytes:
    """Return the EXIF data of a photo, without its prefix; b"" if there is none.

    Args:
        info: `Image.info` of a photo that Pillow has opened.
    """
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
    """Return the whole number of a tag; None if it is absent or the data is damaged."""
    order, entries = _entries(exif)
    for entry in entries:
        if entry.tag == tag:
            character = _FORMAT_CHARACTERS.get(entry.kind)
            if character is None:
                return None
            return int(struct.unpack_from(order + character, exif, entry.value_offset)[0])
    return None


def texts_of(exif: bytes, tags: tuple[int, ...]) -> list[str]:
    """Return the texts of tags, each of at most 64 printable characters; "" for an absent tag."""
    order, entries = _entries(exif)
    texts = dict.fromkeys(tags, "")
    for entry in entries:
        if entry.tag in texts and entry.kind == _TEXT:
            start = entry.value_offset
            if entry.num_values > 4:  # too long for the entry, which states the offset of the text
                start = struct.unpack_from(order + "I", exif, start)[0]
            value = exif[start : start + min(entry.num_values, _MAX_CHARACTERS)].partition(b"\0")[0]
            characters = value.decode("latin-1")
            texts[entry.tag] = "".join(c for c in characters if c.isprintable()).strip()
    return list(texts.values())


def _entries(exif: bytes) -> tuple[str, Iterator[Entry]]:
    """Return the byte order of EXIF data and the entries of the first directory."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None or len(exif) < 8:
        return "<", iter(())
    return order, entries_of(exif, order, struct.unpack_from(order + "I", exif, 4)[0])
