"""Read the header of a JPEG 2000 picture, and how much smaller it can be decoded.

JPEG 2000 stores a picture at several resolutions, each half the next, so that decoding
a smaller one takes a fraction of the time: decoding is slow, at about 6 megabytes per
second. Nothing is decoded here. Source: ITU-T T.800, annex A.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_START = b"\xff\x4f\xff\x51"
_CODING, _TILE = 0xFF52, 0xFF90
_MAX_HALVINGS = 3  # as for JPEG; each halving adds a little error


class Codestream(NamedTuple):
    """The header of the codestream; the header of the file around it may differ."""

    width: int
    height: int
    num_channels: int
    num_halvings: int  # how often its size can be halved


def read_codestream(data: bytes) -> Codestream | None:
    """Read the header; None if the file has none."""
    start = data.find(_START)
    if start < 0 or start + 42 > len(data):
        return None
    right, bottom, left, top = struct.unpack_from(">4I", data, start + 8)
    num_channels = struct.unpack_from(">H", data, start + 40)[0]
    num_halvings, offset = 0, start + 2
    while offset + 10 <= len(data):
        marker, length = struct.unpack_from(">HH", data, offset)
        if marker == _CODING:
            num_halvings = data[offset + 9]
        if marker == _TILE or length < 2:
            break
        offset += 2 + length
    return Codestream(max(0, right - left), max(0, bottom - top), num_channels, num_halvings)


def max_halvings(data: bytes, size: tuple[int, int], min_size: tuple[int, int]) -> int:
    """Return how often an image of `size` can be halved and still have `min_size`.

    Both sizes are (width, height) in pixels.
    """
    stream = read_codestream(data)
    for number in range(min(stream.num_halvings if stream else 0, _MAX_HALVINGS), 0, -1):
        step = 2**number
        # Pillow rounds the smaller size, and the decoder rounds it up: both must agree.
        if all(
            side // step >= min_side and (side % step == 0 or side % step >= step // 2)
            for side, min_side in zip(size, min_size, strict=True)
        ):
            return number
    return 0
