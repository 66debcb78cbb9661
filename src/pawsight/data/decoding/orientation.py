"""Read from EXIF data or XMP text how to turn a photo upright."""

from __future__ import annotations

import re
from typing import Any

from PIL import Image
from PIL.ExifTags import Base

from pawsight.data.decoding.exif import exif_of, number_of

TURNS = {  # by the orientation in EXIF data
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


def transposition_of(info: dict[Any, Any]) -> Image.Transpose | None:
    """Return the transposition that turns a photo upright; None if it needs none.

    Args:
        info: `Image.info` of a photo that Pillow has opened.
    """
    value = number_of(exif_of(info), Base.Orientation)
    if value is None:
        xmp = info.get("XML:com.adobe.xmp") or info.get("xmp") or b""
        match = _XMP.search(xmp.encode() if isinstance(xmp, str) else bytes(xmp))
        value = int(match[1]) if match else 1
    return TURNS.get(value)


def swaps_width_and_height(turn: Image.Transpose | None) -> bool:
    """Return whether a transposition exchanges width and height."""
    return turn in _SWAPS
