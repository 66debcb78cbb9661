"""Whether a photo may take long to decode, by its header."""

import io
import struct

import pytest
from PIL import Image

from pawsight.data.decoding.decode_cost import is_large


def photo(kind: str, size: tuple[int, int] = (60, 40), **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"}),
    ],
)
def test_a_small_photo_is_not_large(kind, options):
    assert not is_large(photo(kind, **options))


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + struct.pack(">II", width, height) + bytes(9)


def webp(kind: bytes, content: bytes) -> bytes:
    return b"RIFF" + bytes(4) + b"WEBP" + kind + bytes(4) + content + bytes(20)


def lossy(width: int, height: int) -> bytes:
    return webp(b"VP8 ", bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", width, height))


def lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L", b"\x2f" + struct.pack("<I", width - 1 | (height - 1) << 14))


def extended(width: int, height: int) -> bytes:
    sides = ((side - 1).to_bytes(3, "little") for side in (width, height))
    return webp(b"VP8X", bytes(4) + b"".join(sides))


@pytest.mark.parametrize("header", [png, lossy, lossless, extended])
def test_a_png_or_webp_of_over_16_million_pixels_is_large(header):
    assert not is_large(header(4000, 4000))
    assert is_large(header(4000, 4001))
    assert is_large(header(4001, 4000))


def frame(width: int, height: int, num_scans: int = 1) -> bytes:
    header = b"\xff\xd8\xff\xc2\x00\x11\x08" + struct.pack(">HH", height, width)
    return header + b"\x03" + b"\x01\x11\x00" * 3 + b"\xff\xda\x00\x02" * num_scans


def test_a_jpeg_is_large_by_its_pixels_times_its_scans():
    assert not is_large(frame(16_000, 8_000))  # 128 million
    assert is_large(frame(16_000, 8_001))
    assert not is_large(frame(4_000, 3_200, num_scans=10))
    assert is_large(frame(4_000, 3_200, num_scans=11))


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "BMP"])
def test_photos_of_other_formats_and_of_many_bytes_count_as_large(kind):
    assert is_large(photo(kind))
    assert is_large(b"\xff\xd8" + b"\xff" * 2**20)  # no frame in sight
    assert is_large(photo("PNG") + bytes(8 * 2**20))
    assert is_large(b"")
