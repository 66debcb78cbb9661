"""The size of a JPEG XL picture, from the first bits of its codestream.

A JPEG XL library decodes a picture in full before it states the size, so that a small file
could take all memory. Nothing is decoded here. Source: ISO/IEC 18181-1, annex D, and
18181-2 for the boxes around the codestream.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

CODESTREAM, CONTAINER = b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"
_HEADER_BYTES = 64  # more than all of the header that is read
_RATIOS = (None, (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # width to height


class Header(NamedTuple):
    """The size in pixels, as stored, and the channels beside grey or colour, such as alpha."""

    width: int
    height: int
    num_extra_channels: int


def read_header(data: bytes) -> Header | None:
    """Read the header of a picture without a preview inside; None where there is none."""
    start = _codestream_of(data)
    if not start.startswith(CODESTREAM):
        return None
    bits = _Bits(start[2:])
    width, height = bits.size()
    if bits.read(1):  # all else is as usual
        return Header(width, height, 0)
    if bits.read(1):  # there are extra fields
        bits.read(3)  # orientation
        if bits.read(1):  # a size to be shown at
            bits.size()
        if bits.read(1):  # a preview
            return None
        if bits.read(1):  # an animation
            bits.skip(0, 0, 10, 30)  # ticks a second, as a ratio
            bits.skip(0, 0, 8, 10)
            bits.skip(0, 3, 16, 32)  # loops
            bits.read(1)
    is_float = bits.read(1)
    bits.skip(0, 0, 0, 6)  # bits of a value
    if is_float:
        bits.read(4)  # of its exponent
    bits.read(1)  # whether 16 bits are enough while decoding
    return Header(width, height, bits.choice((0, 0), (1, 0), (2, 4), (1, 12)))


def _codestream_of(data: bytes) -> bytes:
    """Return the first bytes of the codestream, from the first box that has some of it."""
    if not data.startswith(CONTAINER):
        return data[:_HEADER_BYTES]
    place = 0
    while place + 16 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        inside = place + 8
        if length == 1:
            length = struct.unpack_from(">Q", data, inside)[0]
            inside += 8
        if kind in (b"jxlc", b"jxlp"):
            inside += 4 if kind == b"jxlp" else 0  # the number of the part
            return data[inside : inside + _HEADER_BYTES]
        if length < inside - place:  # up to the end of the file, or damaged
            break
        place += length
    return b""


class _Bits:
    """Reads numbers from bits, the lowest bit of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._bits = int.from_bytes(data, "little")

    def read(self, count: int) -> int:
        value = self._bits & ((1 << count) - 1)
        self._bits >>= count
        return value

    def choice(self, *forms: tuple[int, int]) -> int:
        """Read a number in one of four forms, each a least value and a count of bits."""
        least, count = forms[self.read(2)]
        return least + self.read(count)

    def skip(self, *counts: int) -> None:
        """Read past a number in one of four forms, each a count of bits."""
        self.read(counts[self.read(2)])

    def size(self) -> tuple[int, int]:
        """Read a (width, height)."""
        is_small = self.read(1)
        height = self._side(is_small)
        if ratio := _RATIOS[self.read(3)]:
            return height * ratio[0] // ratio[1], height
        return self._side(is_small), height

    def _side(self, is_small: int) -> int:
        if is_small:
            return 8 * (1 + self.read(5))
        return self.choice((1, 9), (1, 13), (1, 18), (1, 30))
