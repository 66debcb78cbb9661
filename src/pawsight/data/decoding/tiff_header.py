"""Check the directories of a TIFF file, or of EXIF data in another file, before loading them.

Pillow loads every entry of a directory, and each entry states where its
values are and how many there are. A file of a few megabytes can therefore make Pillow
load the same bytes tens of thousands of times. Source: TIFF 6.0, section 2.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from PIL.ExifTags import Base

HEADERS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# A photo of 100 million pixels has 10,000 strips of one row, or 100,000 small tiles.
_MAX_VALUES = 200_000
_ALLOWED_BYTES = 2**16  # that values may take in addition to twice the size of the file
_MAX_HEADERS = 1000  # a photo has one; more only serve to make the check slow
_SENSOR = (32803, 34892)  # photometric interpretations: a colour filter array, linear raw
_MAX_SUB_DIRECTORIES = 16
_MAX_ENTRIES = 4096  # of a directory; real ones have some dozens
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
    first = list(entries_of(data, order, offset))
    if any(entry.tag == Base.DNGVersion for entry in first):
        return True
    entries = list(first)
    for entry in first:
        if entry.tag == Base.SubIFDs:
            start = entry.value_offset
            if entry.num_values > 1:
                start = struct.unpack_from(f"{order}I", data, start)[0]
            count = min(entry.num_values, _MAX_SUB_DIRECTORIES, max(0, len(data) - start) // 4)
            for (offset,) in struct.iter_unpack(f"{order}I", data[start : start + 4 * count]):
                entries += entries_of(data, order, offset)
    return any(
        struct.unpack_from(f"{order}H", data, entry.value_offset)[0] in _SENSOR
        for entry in entries
        if entry.tag == Base.PhotometricInterpretation
    )


class Entry(NamedTuple):
    """An entry of a directory."""

    tag: int
    kind: int  # type of the values
    num_values: int
    value_offset: int  # where the value is, or the offset of values that need over 4 bytes


def entries_of(data: bytes, order: str, start: int) -> Iterator[Entry]:
    """Yield the entries of a directory, up to the end of the data.

    Args:
        data: A TIFF, not a BigTIFF, or EXIF data.
        order: The byte order, "<" or ">".
        start: Where the directory begins.
    """
    if start + 2 > len(data):
        return
    count = min(struct.unpack_from(order + "H", data, start)[0], _MAX_ENTRIES)
    for offset in range(start + 2, min(start + 2 + 12 * count, len(data) - 11), 12):
        tag, kind, num_values = struct.unpack_from(order + "HHI", data, offset)
        yield Entry(tag, kind, num_values, offset + 8)


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
