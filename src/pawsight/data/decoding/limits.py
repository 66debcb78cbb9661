"""Limits on photos, checked before memory or time is spent on decoding.

A small file can require gigabytes of memory or hours of time: its header may state a
huge size, it may repeat a scan a million times, or hold text that decompresses to a
thousand times its size. Ordinary photos stay far below these limits. Within the limits,
decoding takes at most MAX_MEMORY_BYTES in addition to the file: measured with the
largest permitted JPEG, PNG, WebP and JPEG 2000 files, extrapolated from smaller photos
for HEIF, TIFF, BMP and JPEG XL.
"""

from __future__ import annotations

import re
import struct

from PIL import Image
from PIL.ExifTags import Base

from pawsight.data.decoding import jpeg_segments, jpegxl_header, tiff_header
from pawsight.data.decoding.jpeg2000_header import read_codestream
from pawsight.errors import PhotoError

MAX_MEMORY_BYTES = 3 * 2**30

MAX_PIXELS = 178_956_970  # Pillow's own limit; a panorama of 12,000 x 6,000 is 72 million
# Phones take JPEGs of 200 million pixels, and JPEG needs less memory and time than the other
# formats, which take 15 to 25 bytes per pixel, or 4 to 7 seconds for 100 million pixels.
_MAX_PIXELS_BY_FORMAT = {
    "JPEG": 240_000_000,
    "MPO": 240_000_000,
    "WEBP": 100_000_000,
    "AVIF": 100_000_000,
    "HEIF": 100_000_000,
    "JPEG2000": 64_000_000,
    "JXL": 64_000_000,
    "ICO": 4_000_000,
}
# Pillow's decoders that are written in Python take 0.2 to 1.4 microseconds per pixel.
_MAX_PIXELS_BY_DECODER = {
    "qoi": 4_000_000,
    "ppm": 3_000_000,
    "ppm_plain": 3_000_000,
    "bmp_rle": 16_000_000,
}
# What is decoded in about 5 seconds, at 5 to 25 megabytes per second.
_MAX_BYTES_BY_FORMAT = {
    "JPEG": 128 * 2**20,
    "MPO": 128 * 2**20,
    "WEBP": 64 * 2**20,
    "AVIF": 64 * 2**20,
    "HEIF": 32 * 2**20,
    "JPEG2000": 64 * 2**20,
    "JXL": 64 * 2**20,
}
_FORMAT_NAMES = {
    "JPEG2000": "JPEG 2000",
    "JXL": "JPEG XL",
    "WEBP": "WebP",
    "ICO": "an icon",
    "PPM": "this kind of PPM",
}

_MAX_CHUNKS = 100_000  # of a PNG or WebP; a file of 512 MiB in chunks of 8 KiB has 65,536
_MAX_JPEG_SEGMENTS = 10_000  # before the first scan; depth maps take some hundreds
_MAX_EXIF_SEGMENTS = 16  # nearly every JPEG has one; Pillow joins them one by one
_MAX_JPEG_JUNK_BYTES = 2**16  # between segments; decoders skip them one at a time
_MAX_JPEG_SCANS = 1000  # a progressive JPEG has about 10
_MAX_SCANNED_PIXELS = 6_000_000_000  # pixels times scans; each takes about a nanosecond
_MAX_JPEG2000_CHANNELS = 8
_MAX_JXL_EXTRA_CHANNELS = 4  # in addition to grey or colour
_MAX_PPM_HEADER_BYTES = 2**16
_MAX_GIF_COMMENT_BYTES = 2**21  # before the first frame

TOO_MUCH_TEXT = "its embedded text is implausibly large"
_TOO_MANY_PARTS = "it has implausibly many parts"


def too_many_pixels(limit: int, name: str = "") -> PhotoError:
    """Return the error for a photo with more pixels than `limit`, which holds for a format."""
    suffix = f" for {name}" if name else ""
    return PhotoError(f"more pixels than the limit of {limit // 10**6} million{suffix}")


def _too_many_bytes(limit: int, kind: str) -> PhotoError:
    name = _FORMAT_NAMES.get(kind, kind)
    return PhotoError(f"larger than {limit // 2**20} MiB, the limit for {name}")


def check_size(image: Image.Image, num_bytes: int) -> None:
    """Check the size of a photo that has been opened, but not decoded.

    Args:
        image: The photo, as Pillow opened it.
        num_bytes: The size of its file.

    Raises:
        PhotoError: The photo has more pixels or bytes than the limit for its format.
    """
    width, height = image.size
    kind = image.format or ""
    max_bytes = _MAX_BYTES_BY_FORMAT.get(kind, num_bytes)
    if num_bytes > max_bytes:
        raise _too_many_bytes(max_bytes, kind)
    tiles = getattr(image, "tile", None)
    decoder = tiles[0][0] if tiles else ""
    limit = _MAX_PIXELS_BY_DECODER.get(decoder) or _MAX_PIXELS_BY_FORMAT.get(kind)
    if width * height > (limit or MAX_PIXELS):
        has_own_limit = limit is not None and kind not in ("JPEG", "MPO")
        name = _FORMAT_NAMES.get(kind, kind) if has_own_limit else ""
        raise too_many_pixels(limit or MAX_PIXELS, name)
    if kind == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined]
        across, down = tags.get(Base.TileWidth, width), tags.get(Base.TileLength, height)
        # A tile is decoded whole, and may be larger than the picture.
        if -(-width // max(1, across)) * across * -(-height // max(1, down)) * down > MAX_PIXELS:
            raise too_many_pixels(MAX_PIXELS)


def check_content(data: bytes) -> bytes:
    """Check that a file can be decoded with reasonable work.

    Returns:
        The bytes to decode: those of an animated PNG without its later frames,
        else `data`.

    Raises:
        PhotoError: The file would take too much memory or time.
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
        if data.count(b"ANMF") > _MAX_CHUNKS:
            raise PhotoError(_TOO_MANY_PARTS)
    elif data.startswith(b"P") and len(data) > _MAX_PPM_HEADER_BYTES:
        # Pillow reads the header byte by byte. Without its comments, it has four words.
        header = re.sub(rb"#[^\r\n]*", b"", data[:_MAX_PPM_HEADER_BYTES])
        if len(header.split(None, 4)) < 4:
            raise PhotoError(TOO_MUCH_TEXT)
    elif data.startswith(b"\0\0\1\0"):
        _check_icon(data)
    return data


def _check_jpeg(data: bytes) -> None:
    exif = []
    num_segments = junk = marker = start = num_pixels = num_channels = 0
    is_progressive, last_end = False, 2
    for marker, start, end in jpeg_segments.segments(data):
        num_segments += 1
        junk += start - 4 - last_end
        last_end = end
        if num_segments > _MAX_JPEG_SEGMENTS:
            break
        if marker == 0xE1 and data.startswith(b"Exif\0\0", start):
            exif.append(data[start + 6 : end])
        elif marker in jpeg_segments.FRAMES and start + 6 <= len(data):
            height, width, num_channels = struct.unpack_from(">HHB", data, start + 1)
            num_pixels = height * width
            is_progressive = marker in jpeg_segments.PROGRESSIVE
    has_scan = marker == jpeg_segments.SOS
    junk += 0 if has_scan else len(data) - last_end
    if num_segments > _MAX_JPEG_SEGMENTS or junk > _MAX_JPEG_JUNK_BYTES:
        raise PhotoError(_TOO_MANY_PARTS)
    if exif and (len(exif) > _MAX_EXIF_SEGMENTS or tiff_header.is_oversized(b"".join(exif))):
        raise PhotoError(TOO_MUCH_TEXT)
    if has_scan and (is_progressive or data[start] != num_channels):
        num_scans = data.count(b"\xff\xda", start - 4)
        if num_scans > _MAX_JPEG_SCANS or num_scans * num_pixels > _MAX_SCANNED_PIXELS:
            raise PhotoError("it has implausibly many scans")


def _still_png(data: bytes) -> bytes:
    """Check the number of chunks, and remove the chunks of an animation."""
    kept: list[bytes | memoryview] = [data[:8]]
    offset, is_animated = 8, False
    for _ in range(_MAX_CHUNKS):
        if offset + 8 > len(data):
            break
        length, name = struct.unpack_from(">I4s", data, offset)
        end = offset + 12 + length
        if name in (b"acTL", b"fcTL", b"fdAT"):
            is_animated = True
        else:
            kept.append(memoryview(data)[offset:end])
        offset = end
    else:
        raise PhotoError(_TOO_MANY_PARTS)
    return b"".join(kept) if is_animated else data


def _check_gif(data: bytes) -> None:
    """Check that the first frame begins early: Pillow reads what is before it in small steps."""
    offset = 13 + (3 << (data[10] & 7) + 1 if len(data) > 10 and data[10] & 0x80 else 0)
    while offset < len(data) and data[offset] != 0x2C and offset <= _MAX_GIF_COMMENT_BYTES:
        if data[offset] != 0x21:
            offset += 1
            continue
        offset += 2
        while offset < len(data) and data[offset]:
            offset += 1 + data[offset]
        offset += 1
    if offset > _MAX_GIF_COMMENT_BYTES:
        raise PhotoError(TOO_MUCH_TEXT)


def _check_jpeg_2000(data: bytes) -> None:
    """Check the size that the codestream states; the header before it may state another size."""
    stream = read_codestream(data)
    limit = _MAX_PIXELS_BY_FORMAT["JPEG2000"]
    if stream and stream.width * stream.height > limit:
        raise too_many_pixels(limit, _FORMAT_NAMES["JPEG2000"])
    if stream and stream.num_channels > _MAX_JPEG2000_CHANNELS:
        raise PhotoError(_TOO_MANY_PARTS)


def _check_jpeg_xl(data: bytes) -> None:
    """Check pixels and bytes in advance, since the library decodes a picture while opening it."""
    max_bytes, limit = _MAX_BYTES_BY_FORMAT["JXL"], _MAX_PIXELS_BY_FORMAT["JXL"]
    if len(data) > max_bytes:
        raise _too_many_bytes(max_bytes, "JXL")
    header = jpegxl_header.read_header(data)
    if header is None:
        raise PhotoError("damaged, or a kind of JPEG XL that pawsight does not read")
    if header.width * header.height > limit:
        raise too_many_pixels(limit, _FORMAT_NAMES["JXL"])
    if header.num_extra_channels > _MAX_JXL_EXTRA_CHANNELS:
        raise PhotoError(_TOO_MANY_PARTS)


def _check_icon(data: bytes) -> None:
    """Check every image of an icon: Pillow decodes one of them while it opens the file."""
    limit = _MAX_PIXELS_BY_FORMAT["ICO"]
    count = struct.unpack_from("<H", data, 4)[0] if len(data) > 6 else 0
    for offset in range(6, min(6 + 16 * count, len(data) - 15), 16):
        start = struct.unpack_from("<I", data, offset + 12)[0]
        if start + 24 > len(data):
            continue
        if data.startswith(b"\x89PNG", start):
            width, height = struct.unpack_from(">II", data, start + 16)
        else:
            width, height = map(abs, struct.unpack_from("<ii", data, start + 4))
        if width * height > 2 * limit:  # a bitmap in an icon states twice its height, for its mask
            raise too_many_pixels(limit, _FORMAT_NAMES["ICO"])
