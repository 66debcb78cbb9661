"""Read the size of a JPEG XL picture from the first bits of its codestream.

The JPEG XL library reports the size only after decoding the picture in full, so that a
small file could take all memory. Nothing is decoded here. Source: ISO/IEC 18181-1,
annex D, and 18181-2 for the boxes around the codestream.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

CODESTREAM, CONTAINER = b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"
_HEADER_BYTES = 64  # more than the fields that are read
_RATIOS = (None, (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # width to height


class Header(NamedTuple):
    """The stored size in pixels, and the number of channels in addition to grey or colour."""

    width: int
    height: int
    num_extra_channels: int


def read_header(data: bytes) -> Header | None:
    """Read the header; None if the file has no codestream, or one with a preview."""
    codestream = _codestream_of(data)
    if not codestream.startswith(CODESTREAM):
        return None
    bits = _Bits(codestream[2:])
    width, height = bits.size()
    if bits.read(1):  # all other fields have their defaults
        return Header(width, height, 0)
    if bits.read(1):  # there are extra fields
        bits.read(3)  # orientation
        if bits.read(1):  # a display size
            bits.size()
        if bits.read(1):  # a preview
            return None
        if bits.read(1):  # an animation
            bits.skip(0, 0, 10, 30)  # ticks per second, as a ratio
            bits.skip(0, 0, 8, 10)
            bits.skip(0, 3, 16, 32)  # loops
            bits.read(1)
    is_float = bits.read(1)
    bits.skip(0, 0, 0, 6)  # bits per sample
    if is_float:
        bits.read(4)  # bits of the exponent
    bits.read(1)  # whether buffers of 16 bits suffice
    return Header(width, height, bits.choice((0, 0), (1, 0), (2, 4), (1, 12)))


def _codestream_of(data: bytes) -> bytes:
    """Return the first bytes of the codestream, from the first box with a part of it."""
    if not data.startswith(CONTAINER):
        return data[:_HEADER_BYTES]
    offset = 0
    while offset + 16 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, offset)
        content = offset + 8
        if length == 1:
            length = struct.unpack_from(">Q", data, content)[0]
            content += 8
        if kind in (b"jxlc", b"jxlp"):
            content += 4 if kind == b"jxlp" else 0  # the number of the part
            return data[content : content + _HEADER_BYTES]
        if length < content - offset:  # the box extends to the end of the file, or is damaged
            break
        offset += length
    return b""


class _Bits:
    """A reader of numbers from bits, the lowest bit of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._bits = int.from_bytes(data, "little")

    def read(self, count: int) -> int:
        value = self._bits & ((1 << count) - 1)
        self._bits >>= count
        return value

    def choice(self, *forms: tuple[int, int]) -> int:
        """Read a number in one of four forms; a form is (offset, number of bits)."""
        offset, count = forms[self.read(2)]
        return offset + self.read(count)

    def skip(self, *counts: int) -> None:
        """Read past a number in one of four forms; a form is a number of bits."""
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
