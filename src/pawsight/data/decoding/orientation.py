"""How to turn a photo upright, from the EXIF data or the XMP text beside it.

Pillow's own reading of EXIF data loads every entry, which damaged or malicious
data can make arbitrarily slow and large. Here one entry is read.
"""

from __future__ import annotations

import re
import struct
from typing import Any

from PIL import Image

_TAG = 0x0112
_PREFIX = b"Exif\0\0"
_LETTERS = {1: "B", 3: "H", 4: "I"}  # the types of number it may be written as
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPS = (TURNS[5], TURNS[6], TURNS[7], TURNS[8])
_XMP = re.compile(rb"tiff:Orientation(?:=[\"']|>)\s*([1-8])\b")
_MAX_ENTRIES = 4096  # real EXIF data has some dozens


def transposition_of(info: dict[Any, Any]) -> Image.Transpose | None:
    """Return the transposition that turns a photo upright; None if it needs none.

    Args:
        info: What Pillow found beside the picture.
    """
    value = _from_exif(_exif_of(info))
    if value is None:
        xmp = info.get("XML:com.adobe.xmp") or info.get("xmp") or b""
        found = _XMP.search(xmp.encode() if isinstance(xmp, str) else bytes(xmp))
        value = int(found[1]) if found else 1
    return TURNS.get(value)


def swaps_sides(turn: Image.Transpose | None) -> bool:
    """Return whether turning exchanges width and height."""
    return turn in _SWAPS


def _exif_of(info: dict[Any, Any]) -> bytes:
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


def _from_exif(exif: bytes) -> int | None:
    """Read the orientation; damaged EXIF data does not make a damaged photo."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None or len(exif) < 8:
        return None
    start = struct.unpack_from(order + "I", exif, 4)[0]
    if start + 2 > len(exif):
        return None
    count = min(struct.unpack_from(order + "H", exif, start)[0], _MAX_ENTRIES)
    for place in range(start + 2, min(start + 2 + 12 * count, len(exif) - 11), 12):
        tag, kind = struct.unpack_from(order + "HH", exif, place)
        if tag == _TAG:
            letter = _LETTERS.get(kind)
            return struct.unpack_from(order + letter, exif, place + 8)[0] if letter else None
    return None
