"""Limits on photos, checked before memory or time is spent on them.

A few bytes can take gigabytes, or hours: a header with absurd sizes, the
same scan a million times, text that unpacks to a thousand times its size. Sound
photos stay far below these limits. With them, no photo takes more than
MAX_MEMORY_BYTES beside its file: measured at their limits for JPEG, PNG, WebP and
JPEG 2000, worked out from smaller photos for HEIF, TIFF, BMP and JPEG XL.
"""

from __future__ import annotations

import re
import struct

from PIL import Image

from pawsight.data.decoding import jpeg_segments, jpegxl_header, tiff_header
from pawsight.data.decoding.jpeg2000_header import read_codestream
from pawsight.errors import PhotoError

MAX_MEMORY_BYTES = 3 * 2**30

MAX_PIXELS = 178_956_970  # Pillow's own limit; a panorama of 12,000 x 6,000 is 72 million
# JPEG takes less than others, and phones make photos of 200 million pixels. The other formats
# take 15 to 25 bytes of memory a pixel, or 4 to 7 seconds for 100 million.
_MAX_PIXELS_OF = {
    "JPEG": 240_000_000,
    "MPO": 240_000_000,
    "WEBP": 100_000_000,
    "AVIF": 100_000_000,
    "HEIF": 100_000_000,
    "JPEG2000": 64_000_000,
    "JXL": 64_000_000,
    "ICO": 4_000_000,
}
# What Pillow decodes in Python takes 0.2 to 1.4 microseconds a pixel.
_MAX_PIXELS_BY = {
    "qoi": 4_000_000,
    "ppm": 3_000_000,
    "ppm_plain": 3_000_000,
    "bmp_rle": 16_000_000,
}
# What these decode in about 5 seconds: 5 to 25 megabytes a second.
_MAX_BYTES_OF = {
    "JPEG": 128 * 2**20,
    "MPO": 128 * 2**20,
    "WEBP": 64 * 2**20,
    "AVIF": 64 * 2**20,
    "HEIF": 32 * 2**20,
    "JPEG2000": 64 * 2**20,
    "JXL": 64 * 2**20,
}
_NAMES = {
    "JPEG2000": "JPEG 2000",
    "JXL": "JPEG XL",
    "WEBP": "WebP",
    "ICO": "an icon",
    "PPM": "this kind of PPM",
}

_MAX_PARTS = 100_000  # of a PNG or WebP; one of 512 MiB in parts of 8 KiB has 65,536
_MAX_JPEG_PARTS = 10_000  # before the picture; depth maps take some hundreds
_MAX_EXIF_PARTS = 16  # nearly always one; Pillow joins them one by one
_MAX_JPEG_JUNK = 2**16  # bytes between parts, which decoders skip one at a time
_MAX_JPEG_SCANS = 1000  # progressive ones have about 10
_MAX_SCANNED_PIXELS = 6_000_000_000  # pixels times scans; each takes about a nanosecond
_MAX_CHANNELS = 8  # of a JPEG 2000
_MAX_EXTRA_CHANNELS = 4  # of a JPEG XL, beside grey or colour
_MAX_PPM_HEADER = 2**16
_MAX_GIF_COMMENTS = 2**21  # bytes before the first frame

TOO_MUCH_TEXT = "its embedded text is too large to be sound"
_TOO_MANY_PARTS = "it has too many parts to be sound"


def too_many_pixels(limit: int, name: str = "") -> PhotoError:
    """Return the error for a photo that is too large to decode."""
    of = f" for {name}" if name else ""
    return PhotoError(f"more pixels than the limit of {limit // 10**6} million{of}")


def check_size(image: Image.Image, num_bytes: int) -> None:
    """Check the size of a photo that has been opened, but not decoded; raises PhotoError."""
    width, height = image.size
    kind = image.format or ""
    most_bytes = _MAX_BYTES_OF.get(kind, num_bytes)
    if num_bytes > most_bytes:
        raise PhotoError(
            f"larger than {most_bytes // 2**20} MiB, the limit for {_NAMES.get(kind, kind)}"
        )
    tiles = getattr(image, "tile", None)
    limit = _MAX_PIXELS_BY.get(tiles[0][0]) if tiles else None
    limit = limit or _MAX_PIXELS_OF.get(kind)
    if limit and width * height > limit:
        name = "" if kind in ("JPEG", "MPO") else _NAMES.get(kind, kind)
        raise too_many_pixels(limit, name)
    if width * height > MAX_PIXELS and not limit:
        raise too_many_pixels(MAX_PIXELS)
    if kind == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined]
        across, down = tags.get(322, width), tags.get(323, height)
        # A tile may be larger than its picture, and is decoded whole.
        if -(-width // max(1, across)) * across * -(-height // max(1, down)) * down > MAX_PIXELS:
            raise too_many_pixels(MAX_PIXELS)


def check_content(data: bytes) -> bytes:
    """Check that a file requires no absurd work; remove an animation's later frames.

    Returns:
        The bytes to decode.

    Raises:
        PhotoError: It does.
    """
    if data.startswith(b"\xff\xd8"):
        _check_jpeg(data)
    elif data.startswith(b"\x89PNG"):
        return _still_png(data)
    elif data.startswith(b"GIF8"):
        _check_gif(data)
    elif data.startswith(tiff_header.HEADERS):
        if tiff_header.is_oversized(data):
            raise PhotoError(_TOO_MANY_PARTS)
    elif data[4:8] == b"ftyp":
        if tiff_header.has_hostile_exif(data):
            raise PhotoError(TOO_MUCH_TEXT)
    elif data.startswith((b"\0\0\0\x0cjP", b"\xff\x4f\xff\x51")):
        _check_jpeg_2000(data)
    elif data.startswith((jpegxl_header.CODESTREAM, jpegxl_header.CONTAINER)):
        _check_jpeg_xl(data)
    elif data.startswith(b"RIFF"):
        if data.count(b"ANMF") > _MAX_PARTS:
            raise PhotoError(_TOO_MANY_PARTS)
    elif data.startswith(b"P") and len(data) > _MAX_PPM_HEADER:
        # The header is read byte by byte. Without its comments it has four words.
        header = re.sub(rb"#[^\r\n]*", b"", data[:_MAX_PPM_HEADER])
        if len(header.split(None, 4)) < 4:
            raise PhotoError(TOO_MUCH_TEXT)
    elif data.startswith(b"\0\0\1\0"):
        _check_icon(data)
    return data


def _check_jpeg(data: bytes) -> None:
    exif = []
    number = junk = marker = start = num_pixels = num_channels = 0
    is_in_passes, last_end = False, 2
    for marker, start, end in jpeg_segments.segments(data):
        number += 1
        junk += start - 4 - last_end
        last_end = end
        if number > _MAX_JPEG_PARTS:
            break
        if marker == 0xE1 and data.startswith(b"Exif\0\0", start):
            exif.append(data[start + 6 : end])
        elif marker in jpeg_segments.FRAMES and start + 6 <= len(data):
            height, width, num_channels = struct.unpack_from(">HHB", data, start + 1)
            num_pixels = height * width
            is_in_passes = marker in jpeg_segments.PROGRESSIVE
    has_scan = marker == jpeg_segments.SOS
    junk += 0 if has_scan else len(data) - last_end
    if number > _MAX_JPEG_PARTS or junk > _MAX_JPEG_JUNK:
        raise PhotoError(_TOO_MANY_PARTS)
    if exif and (len(exif) > _MAX_EXIF_PARTS or tiff_header.is_oversized(b"".join(exif))):
        raise PhotoError(TOO_MUCH_TEXT)
    if has_scan and (is_in_passes or data[start] != num_channels):
        num_scans = data.count(b"\xff\xda", start - 4)
        if num_scans > _MAX_JPEG_SCANS or num_scans * num_pixels > _MAX_SCANNED_PIXELS:
            raise PhotoError("it has too many scans to be sound")


def _still_png(data: bytes) -> bytes:
    """Check the number of chunks, and leave out those of an animation."""
    kept: list[bytes | memoryview] = [data[:8]]
    place, is_animated = 8, False
    for _ in range(_MAX_PARTS):
        if place + 8 > len(data):
            break
        length, name = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        if name in (b"acTL", b"fcTL", b"fdAT"):
            is_animated = True
        else:
            kept.append(memoryview(data)[place:end])
        place = end
    else:
        raise PhotoError(_TOO_MANY_PARTS)
    return b"".join(kept) if is_animated else data


def _check_gif(data: bytes) -> None:
    """Find the first frame, which has to begin early: what is before it is read bit by bit."""
    place = 13 + (3 << (data[10] & 7) + 1 if len(data) > 10 and data[10] & 0x80 else 0)
    while place < len(data) and data[place] != 0x2C and place <= _MAX_GIF_COMMENTS:
        if data[place] != 0x21:
            place += 1
            continue
        place += 2
        while place < len(data) and data[place]:
            place += 1 + data[place]
        place += 1
    if place > _MAX_GIF_COMMENTS:
        raise PhotoError(TOO_MUCH_TEXT)


def _check_jpeg_2000(data: bytes) -> None:
    """Check the size in the codestream itself; the header before it may differ."""
    stream = read_codestream(data)
    limit = _MAX_PIXELS_OF["JPEG2000"]
    if stream and stream.width * stream.height > limit:
        raise too_many_pixels(limit, _NAMES["JPEG2000"])
    if stream and stream.num_channels > _MAX_CHANNELS:
        raise PhotoError(_TOO_MANY_PARTS)


def _check_jpeg_xl(data: bytes) -> None:
    """Check the size and the bytes, since the library decodes a picture while it opens it."""
    most_bytes, limit = _MAX_BYTES_OF["JXL"], _MAX_PIXELS_OF["JXL"]
    if len(data) > most_bytes:
        raise PhotoError(f"larger than {most_bytes // 2**20} MiB, the limit for JPEG XL")
    header = jpegxl_header.read_header(data)
    if header is None:
        raise PhotoError("damaged, or a kind of JPEG XL that pawsight does not read")
    if header.width * header.height > limit:
        raise too_many_pixels(limit, _NAMES["JXL"])
    if header.num_extra_channels > _MAX_EXTRA_CHANNELS:
        raise PhotoError(_TOO_MANY_PARTS)


def _check_icon(data: bytes) -> None:
    """Check every image of an icon: Pillow decodes one while it opens the file."""
    limit = _MAX_PIXELS_OF["ICO"]
    count = struct.unpack_from("<H", data, 4)[0] if len(data) > 6 else 0
    for place in range(6, min(6 + 16 * count, len(data) - 15), 16):
        start = struct.unpack_from("<I", data, place + 12)[0]
        if start + 24 > len(data):
            continue
        if data.startswith(b"\x89PNG", start):
            width, height = struct.unpack_from(">II", data, start + 16)
        else:
            width, height = map(abs, struct.unpack_from("<ii", data, start + 4))
        if width * height > 2 * limit:  # an old icon holds its mask below the picture
            raise too_many_pixels(limit, _NAMES["ICO"])
