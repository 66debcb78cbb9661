"""Read the structure of a JPEG file: the segments of its header, and its scans.

Nothing is decoded here. Source: ITU-T T.81, annex B.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

SOS = 0xDA  # start of scan
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start of frame, which states the size
PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_WITHOUT_LENGTH = {0x00, 0x01, *range(0xD0, 0xDA), 0xFF}


Segment = tuple[int, int, int]  # second byte of the marker, start and end of the content


def segments(data: bytes) -> Iterator[Segment]:
    """Yield the segments of a JPEG's header, up to and including the start of its first scan."""
    offset, last = 2, len(data) - 4
    while True:
        offset = data.find(b"\xff", offset)
        if offset < 0 or offset > last:
            return
        marker = data[offset + 1]
        if marker in _WITHOUT_LENGTH:
            offset += 2 if 0 < marker < 0xFF else 1  # 0 is no marker, 0xFF the padding before one
            continue
        end = offset + 2 + (data[offset + 2] << 8 | data[offset + 3])
        yield marker, offset + 4, end
        if marker == SOS:
            return
        offset = max(end, offset + 4)


def num_components(data: bytes) -> int:
    """Return the number of channels in a JPEG's frame header; 0 if it has none."""
    for marker, start, _ in segments(data):
        if marker in FRAMES and start + 5 < len(data):
            return data[start + 5]
    return 0


class Scan(NamedTuple):
    """One scan: its components, and the frequencies of 8 x 8 pixel blocks that it stores."""

    components: tuple[int, ...]  # identifiers
    first: int  # frequency, 0..63; 0 is the mean of a block
    last: int


def scans(data: bytes) -> list[Scan]:
    """Return the scans of a JPEG, the last of which may be truncated."""
    parsed = []
    offset = next((start - 4 for marker, start, _ in segments(data) if marker == SOS), -1)
    while offset >= 0:
        count = data[offset + 4] if offset + 4 < len(data) else 0
        end = offset + 5 + 2 * count
        if end + 2 > len(data):
            break
        parsed.append(Scan(tuple(data[offset + 5 : end : 2]), data[end], data[end + 1]))
        # Within a scan, a zero follows each byte 0xFF that is not the start of a marker.
        offset = data.find(b"\xff\xda", end)
    return parsed
