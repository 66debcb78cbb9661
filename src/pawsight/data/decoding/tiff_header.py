"""The first directory of a TIFF file, or of the EXIF data in other files, before it is loaded.

Pillow loads every entry of a directory, and each entry states where its
values are and how many there are. A file of a few megabytes can so request the
same bytes tens of thousands of times. Source: TIFF 6.0, section 2.
"""

from __future__ import annotations

import struct

HEADERS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# A photo of 100 million pixels in strips of one row has 10,000 of them, in small tiles 100,000.
_MAX_VALUES = 200_000
_ALLOWANCE = 2**16
_SIZES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


def is_oversized(data: bytes, start: int = 0) -> bool:
    """Return whether a directory claims more values than its file can contain.

    Args:
        data: The bytes of the file.
        start: Where the TIFF header is in it.
    """
    order = "<" if data[start : start + 1] == b"I" else ">"
    is_big = b"+" in data[start : start + 4]
    first, count, entry = ("QQ", "Q", "HHQ") if is_big else ("4xI", "H", "HHI")
    step, inline = (20, 8) if is_big else (12, 4)
    try:
        place = start + struct.unpack_from(order + first, data, start)[-1]
        num_entries = struct.unpack_from(order + count, data, place)[0]
    except struct.error:
        return False  # nothing to load
    place += struct.calcsize(order + count)
    end = min(place + step * num_entries, len(data) - step + 1)
    total = 0
    for at in range(place, end, step):
        _, kind, num_values = struct.unpack_from(order + entry, data, at)
        size = num_values * _SIZES.get(kind, 1)
        if kind in _SIZES and num_values > _MAX_VALUES:
            return True
        # What reaches beyond the file is not loaded.
        if inline < size <= len(data) - start:
            total += size
    return total > 2 * (len(data) - start) + _ALLOWANCE


def has_hostile_exif(data: bytes) -> bool:
    """Return whether any EXIF data anywhere in a file claims too much."""
    for header in HEADERS[:2]:
        place = data.find(header)
        for _ in range(_MAX_HEADERS):
            if place < 0:
                break
            if is_oversized(data, place):
                return True
            place = data.find(header, place + 1)
        else:
            return True
    return False


_MAX_HEADERS = 1000  # a photo has one; more would only be there to keep us busy
