"""Check the directories of a TIFF file, or of EXIF data in another file, before loading them.

Pillow loads every entry of a directory, and each entry states where its
values are and how many there are. A file of a few megabytes can therefore make Pillow
load the same bytes tens of thousands of times. Source: TIFF 6.0, section 2.
"""

from __future__ import annotations

import struct

from PIL.ExifTags import Base

HEADERS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# A photo of 100 million pixels has 10,000 strips of one row, or 100,000 small tiles.
_MAX_VALUES = 200_000
_ALLOWED_BYTES = 2**16  # that values may take in addition to twice the size of the file
_MAX_HEADERS = 1000  # a photo has one; more only serve to make the check slow
_SENSOR = (32803, 34892)  # photometric interpretations: a colour filter array, linear raw
_MAX_SUB_DIRECTORIES = 16
# Bytes per value, by the type of an entry.
_SIZES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


def is_oversized(data: bytes, start: int = 0) -> bool:
    """Return whether a TIFF whose header is at `start` claims more values than it can hold."""
    order = "<" if data[start : start + 1] == b"I" else ">"
    is_big = b"+" in data[start : start + 4]
    first, count, entry = ("QQ", "Q", "HHQ") if is_big else ("4xI", "H", "HHI")
    step, inline = (20, 8) if is_big else (12, 4)
    try:
        offset = start + struct.unpack_from(order + first, data, start)[-1]
        num_entries = struct.unpack_from(order + count, data, offset)[0]
    except struct.error:
        return False  # nothing to load
    offset += struct.calcsize(order + count)
    end = min(offset + step * num_entries, len(data) - step + 1)
    total = 0
    for entry_offset in range(offset, end, step):
        _, kind, num_values = struct.unpack_from(order + entry, data, entry_offset)
        size = num_values * _SIZES.get(kind, 1)
        if kind in _SIZES and num_values > _MAX_VALUES:
            return True
        # Pillow does not load values that reach beyond the file.
        if inline < size <= len(data) - start:
            total += size
    return total > 2 * (len(data) - start) + _ALLOWED_BYTES


def has_sensor_values(data: bytes) -> bool:
    """Return whether a TIFF is a camera's raw photo: a DNG, or an image of sensor values."""
    if not data.startswith(HEADERS[:2]):
        return False
    order = "<" if data[:1] == b"I" else ">"
    offset = struct.unpack_from(f"{order}I", data, 4)[0] if len(data) >= 8 else 0
    first = _entries(data, order, offset)
    if Base.DNGVersion in first:
        return True
    directories = [first]
    if Base.SubIFDs in first:
        count, value, value_offset = first[Base.SubIFDs]
        start = value_offset if count == 1 else value
        count = min(count, _MAX_SUB_DIRECTORIES, max(0, len(data) - start) // 4)
        offsets = struct.iter_unpack(f"{order}I", data[start : start + 4 * count])
        directories += [_entries(data, order, offset) for (offset,) in offsets]
    return any(
        struct.unpack_from(f"{order}H", data, entries[Base.PhotometricInterpretation][2])[0]
        in _SENSOR
        for entries in directories
        if Base.PhotometricInterpretation in entries
    )


def _entries(data: bytes, order: str, offset: int) -> dict[int, tuple[int, int, int]]:
    """Return the entries of a directory, by tag.

    Each is the number of values, the value as an offset, where several values are
    stored, and the offset of the value itself, where there is a single value.
    """
    entries: dict[int, tuple[int, int, int]] = {}
    if offset + 2 > len(data):
        return entries
    for number in range(struct.unpack_from(f"{order}H", data, offset)[0]):
        entry_offset = offset + 2 + 12 * number
        if entry_offset + 12 > len(data):
            break
        tag, count, value = struct.unpack_from(f"{order}H2xII", data, entry_offset)
        entries[tag] = (count, value, entry_offset + 8)
    return entries


def has_hostile_exif(data: bytes) -> bool:
    """Return whether any EXIF data in a file claims more values than the file can hold."""
    for header in HEADERS[:2]:
        offset = data.find(header)
        for _ in range(_MAX_HEADERS):
            if offset < 0:
                break
            if is_oversized(data, offset):
                return True
            offset = data.find(header, offset + 1)
        else:
            return True
    return False
