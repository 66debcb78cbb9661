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
_PHOTOMETRIC, _SUB_DIRECTORIES, _DNG_VERSION = 262, 330, 50706  # tags
_SENSOR = (32803, 34892)  # photometric interpretations: a colour filter array, linear raw
_MAX_SUB_DIRECTORIES = 16
_SIZES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


def is_oversized(data: bytes, start: int = 0) -> bool:
    """Return whether a TIFF whose header is at `start` claims more values than it can hold."""
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


def has_sensor_values(data: bytes) -> bool:
    """Return whether a TIFF is a camera's raw photo: a DNG, or one with values of a sensor."""
    if not data.startswith(HEADERS[:2]):
        return False
    order = "<" if data[:1] == b"I" else ">"
    place = struct.unpack_from(f"{order}I", data, 4)[0] if len(data) >= 8 else 0
    first = _entries(data, order, place)
    if _DNG_VERSION in first:
        return True
    waiting = [first]
    if _SUB_DIRECTORIES in first:
        count, value, at = first[_SUB_DIRECTORIES]
        starts = at if count == 1 else value
        count = min(count, _MAX_SUB_DIRECTORIES, max(0, len(data) - starts) // 4)
        places = struct.unpack_from(f"{order}{count}I", data, starts)
        waiting += [_entries(data, order, each) for each in places]
    return any(
        _PHOTOMETRIC in each
        and struct.unpack_from(f"{order}H", data, each[_PHOTOMETRIC][2])[0] in _SENSOR
        for each in waiting
    )


def _entries(data: bytes, order: str, place: int) -> dict[int, tuple[int, int, int]]:
    """Return the entries of a directory: the number of values, the place of many, and of one."""
    entries: dict[int, tuple[int, int, int]] = {}
    if place + 2 > len(data):
        return entries
    for number in range(struct.unpack_from(f"{order}H", data, place)[0]):
        at = place + 2 + 12 * number
        if at + 12 > len(data):
            break
        tag, count, value = struct.unpack_from(f"{order}H2xII", data, at)
        entries[tag] = (count, value, at + 8)
    return entries


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
