"""The header of a JPEG 2000 picture, and how much smaller it can be decoded.

A JPEG 2000 picture holds each half of its size on the way, so that a smaller one
costs only its share of the work, which is slow: about 6 megabytes a second.
Nothing is decoded here. Source: ITU-T T.800, annex A.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_START = b"\xff\x4f\xff\x51"
_CODING, _TILE = 0xFF52, 0xFF90
_MAX_HALVINGS = 3  # as for JPEG; each halving adds a little error


class Codestream(NamedTuple):
    """The header of the codestream, whatever the file around it states."""

    width: int
    height: int
    num_channels: int
    num_halves: int  # how often it can be halved


def read_codestream(data: bytes) -> Codestream | None:
    """Read the header; None where there is none."""
    start = data.find(_START)
    if start < 0 or start + 42 > len(data):
        return None
    right, bottom, left, top = struct.unpack_from(">4I", data, start + 8)
    num_channels = struct.unpack_from(">H", data, start + 40)[0]
    num_halves, place = 0, start + 2
    while place + 10 <= len(data):
        marker, length = struct.unpack_from(">HH", data, place)
        if marker == _CODING:
            num_halves = data[place + 9]
        if marker == _TILE or length < 2:
            break
        place += 2 + length
    return Codestream(max(0, right - left), max(0, bottom - top), num_channels, num_halves)


def halves(data: bytes, size: tuple[int, int], least: tuple[int, int]) -> int:
    """Return how often an image may be halved before it is smaller than `least`."""
    stream = read_codestream(data)
    for number in range(min(stream.num_halves if stream else 0, _MAX_HALVINGS), 0, -1):
        step = 2**number
        # Pillow rounds the smaller size, where the decoder rounds up: only where both agree.
        if all(
            side // step >= wanted and (side % step == 0 or side % step >= step // 2)
            for side, wanted in zip(size, least, strict=True)
        ):
            return number
    return 0
