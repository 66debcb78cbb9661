"""The parts of a JPEG file: what comes before the picture, and the scans that make it up.

Nothing is decoded here. Source: ITU-T T.81, annex B.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

SOS = 0xDA  # start of scan
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # what begins a picture
PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_WITHOUT_LENGTH = {0x00, 0x01, *range(0xD0, 0xDA), 0xFF}


Segment = tuple[int, int, int]  # its marker's second byte, and where its content is


def segments(data: bytes) -> Iterator[Segment]:
    """Yield the segments of a JPEG's header up to and with the start of its first scan."""
    place, last = 2, len(data) - 4
    while True:
        place = data.find(b"\xff", place)
        if place < 0 or place > last:
            return
        marker = data[place + 1]
        if marker in _WITHOUT_LENGTH:
            place += 2 if 0 < marker < 0xFF else 1  # 0 is no marker, 0xFF the padding before one
            continue
        end = place + 2 + (data[place + 2] << 8 | data[place + 3])
        yield marker, place + 4, end
        if marker == SOS:
            return
        place = max(end, place + 4)


def num_components(data: bytes) -> int:
    """Return the number of channels in a JPEG's frame header; 0 if it has none."""
    for marker, start, _ in segments(data):
        if marker in FRAMES and start + 5 < len(data):
            return data[start + 5]
    return 0


class Scan(NamedTuple):
    """One pass over the picture: which components, and which of their frequencies.

    `first` and `last` are 0 to 63; 0 is the mean of a block of 8 x 8 pixels.
    """

    components: tuple[int, ...]
    first: int
    last: int


def scans(data: bytes) -> list[Scan]:
    """Yield the scans of a JPEG, the last of which may be truncated."""
    found_scans = []
    place = next((start - 4 for marker, start, _ in segments(data) if marker == SOS), -1)
    while place >= 0:
        count = data[place + 4] if place + 4 < len(data) else 0
        end = place + 5 + 2 * count
        if end + 2 > len(data):
            break
        found_scans.append(Scan(tuple(data[place + 5 : end : 2]), data[end], data[end + 1]))
        # Within a scan, a byte 0xFF of the picture is always followed by a zero.
        place = data.find(b"\xff\xda", end)
    return found_scans
