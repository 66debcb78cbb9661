"""Estimate from a photo's header whether decoding takes long, so that a server can queue it apart.

Fast enough for an event loop: nothing is decoded, and a hostile file takes milliseconds.
"""

from __future__ import annotations

import struct

from pawsight.data.decoding import jpeg_segments

_LARGE_BYTES = 8 * 2**20
_LARGE_PIXELS = 16_000_000  # of a PNG or WebP
_LARGE_SCANNED_PIXELS = 128_000_000  # of a JPEG: pixels times scans; each takes a nanosecond
_HEADER_BYTES = 2**17  # within which a JPEG states its size


def is_large(data: bytes) -> bool:
    """Return whether decoding a photo may take more than about half a second.

    Headers of JPEG, PNG and WebP state enough to estimate it. A photo of any other
    format counts as large.
    """
    if len(data) > _LARGE_BYTES:
        return True
    if data.startswith(b"\xff\xd8"):
        return _is_large_jpeg(data)
    num_pixels = _png_pixels(data) or _webp_pixels(data)
    return not 0 < num_pixels <= _LARGE_PIXELS


def _is_large_jpeg(data: bytes) -> bool:
    for marker, start, _ in jpeg_segments.segments(data[:_HEADER_BYTES]):
        if marker in jpeg_segments.FRAMES and start + 5 <= len(data):
            height, width = struct.unpack_from(">HH", data, start + 1)
            num_scans = max(1, data.count(b"\xff\xda", start))
            return bool(height * width * num_scans > _LARGE_SCANNED_PIXELS)
    return True


def _png_pixels(data: bytes) -> int:
    if not data.startswith(b"\x89PNG\r\n\x1a\n") or len(data) < 24:
        return 0
    width, height = struct.unpack_from(">II", data, 16)
    return int(width * height)


def _webp_pixels(data: bytes) -> int:
    """Return the pixels of a WebP; 0 for another file. Source: RFC 9649, sections 2.5 to 2.7."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return 0
    match data[12:16]:
        case b"VP8X":
            across, down = (int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
            return (across + 1) * (down + 1)
        case b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            return ((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1)
        case b"VP8 ":
            across, down = struct.unpack_from("<HH", data, 26)
            return int((across & 0x3FFF) * (down & 0x3FFF))
    return 0
