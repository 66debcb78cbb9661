"""The bounds of what is decoded: what is just allowed passes, one more is refused."""

import struct
from types import SimpleNamespace

import pytest

from pawsight.data.decoding.limits import MAX_PIXELS, check_content, check_size, too_many_pixels
from pawsight.errors import PhotoError

MIB = 2**20


def opened(width, height, kind, tile="", tags=None):
    """What Pillow knows of a photo before it is decoded."""
    tiles = [(tile, (0, 0, width, height), 0, None)] if tile else []
    return SimpleNamespace(size=(width, height), format=kind, tile=tiles, tag_v2=tags or {})


@pytest.mark.parametrize(
    ("kind", "tile", "limit", "words"),
    [
        ("JPEG", "jpeg", 240_000_000, "more pixels than the limit of 240 million"),
        ("MPO", "jpeg", 240_000_000, "more pixels than the limit of 240 million"),
        ("WEBP", "", 100_000_000, "more pixels than the limit of 100 million for WebP"),
        ("AVIF", "", 100_000_000, "more pixels than the limit of 100 million for AVIF"),
        ("HEIF", "", 100_000_000, "more pixels than the limit of 100 million for HEIF"),
        ("JPEG2000", "", 64_000_000, "more pixels than the limit of 64 million for JPEG 2000"),
        ("ICO", "", 4_000_000, "more pixels than the limit of 4 million for an icon"),
        ("QOI", "qoi", 4_000_000, "more pixels than the limit of 4 million for QOI"),
        ("PPM", "ppm", 3_000_000, "more pixels than the limit of 3 million for this kind of PPM"),
        ("PPM", "ppm_plain", 3_000_000, "more pixels than the limit of 3 million for this kind"),
        ("BMP", "bmp_rle", 16_000_000, "more pixels than the limit of 16 million for BMP"),
        ("PNG", "zip", MAX_PIXELS, "more pixels than the limit of 178 million"),
        ("TIFF", "raw", MAX_PIXELS, "more pixels than the limit of 178 million"),
    ],
)
def test_pixels_have_a_limit_for_each_format(kind, tile, limit, words):
    check_size(opened(limit // 10, 10, kind, tile), 1)
    with pytest.raises(PhotoError) as caught:
        check_size(opened(limit // 10 + 1, 10, kind, tile), 1)
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    ("kind", "mebibytes", "name"),
    [
        ("JPEG", 128, "JPEG"),
        ("MPO", 128, "MPO"),
        ("WEBP", 64, "WebP"),
        ("AVIF", 64, "AVIF"),
        ("HEIF", 32, "HEIF"),
        ("JPEG2000", 64, "JPEG 2000"),
    ],
)
def test_bytes_have_a_limit_for_slow_formats(kind, mebibytes, name):
    check_size(opened(8, 8, kind), mebibytes * MIB)
    with pytest.raises(PhotoError, match=f"larger than {mebibytes} MiB, the limit for {name}"):
        check_size(opened(8, 8, kind), mebibytes * MIB + 1)


def test_other_formats_have_no_limit_of_bytes():
    check_size(opened(8, 8, "PNG", "zip"), 2**40)


@pytest.mark.parametrize(("across", "is_refused"), [(16384, False), (2**25, True)])
def test_tiles_of_a_tiff_are_decoded_whole(across, is_refused):
    # 20,000 pixels of width are two tiles of 16,384; 20 rows are two tiles of 16.
    image = opened(20_000, 20, "TIFF", "raw", {322: across, 323: 16})
    if is_refused:
        with pytest.raises(PhotoError, match="178 million"):
            check_size(image, 1)
    else:
        check_size(image, 1)


def test_a_tile_of_no_size_is_left_to_the_decoder():
    check_size(opened(20, 20, "TIFF", "raw", {322: 0, 323: 0}), 1)


def test_the_limit_is_reported_in_millions():
    assert str(too_many_pixels(3_999_999)) == "more pixels than the limit of 3 million"
    assert str(too_many_pixels(64_000_000, "X")) == "more pixels than the limit of 64 million for X"


def icon(*images):
    """An .ico file of these images' first bytes."""
    data = struct.pack("<HHH", 0, 1, len(images))
    start = 6 + 16 * len(images)
    for image in images:
        data += struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, len(image), start)
        start += len(image)
    return data + b"".join(images)


def png_start(width, height):
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height)


def bitmap_start(width, height):
    return struct.pack("<IiiHHII", 40, width, height, 1, 32, 0, 0)[:24].ljust(24, b"\0")


SMALL = png_start(16, 16)


@pytest.mark.parametrize("start", [png_start, bitmap_start])
def test_every_image_of_an_icon_is_checked(start):
    allowed = icon(SMALL, start(4000, 2000))  # 8 million: a picture, and its mask below it
    assert check_content(allowed) == allowed
    for images in ((SMALL, start(4001, 2000)), (start(4001, 2000), SMALL)):
        with pytest.raises(PhotoError, match="limit of 4 million for an icon"):
            check_content(icon(*images))


def test_a_bitmap_upside_down_is_as_large():
    with pytest.raises(PhotoError, match="limit of 4 million for an icon"):
        check_content(icon(bitmap_start(4001, -2000)))


def test_an_image_cut_before_its_size_is_left_to_the_decoder():
    data = icon(SMALL, png_start(4001, 2000))
    assert check_content(data[:-1]) == data[:-1]
    with pytest.raises(PhotoError, match="icon"):
        check_content(data)
    for short in (data[:4], data[:6], data[:7], data[:21], data[:30]):
        assert check_content(short) == short


def codestream(width, height, channels):
    """The start of a JPEG 2000: SOC and SIZ. Source: ITU-T T.800, A.5.1."""
    size = struct.pack(">HIIIIIIIIH", 0, width, height, 0, 0, width, height, 0, 0, channels)
    size += b"\x07\x01\x01" * channels
    return b"\xff\x4f\xff\x51" + struct.pack(">H", len(size) + 2) + size


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((8000, 8000, 8), ""),
        ((8001, 8000, 3), "more pixels than the limit of 64 million for JPEG 2000"),
        ((8, 8, 9), "it has implausibly many parts"),
    ],
)
def test_a_jpeg_2000_has_64_million_pixels_and_8_channels_at_most(size, words):
    data = codestream(*size)
    if words:
        with pytest.raises(PhotoError, match=words):
            check_content(data)
    else:
        assert check_content(data) == data


def jpeg(*segments):
    start = b"\xff\xd8"
    for marker, content in segments:
        start += bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content
    return start


COMMENT = (0xFE, b"x")
SCAN = (0xDA, b"\x01\x01\0\0\x3f\0")
FRAME = struct.pack(">BHHB", 8, 10, 10, 1) + b"\x01\x11\0"


@pytest.mark.parametrize(
    ("allowed", "refused", "words"),
    [
        (jpeg(*[COMMENT] * 10_000), jpeg(*[COMMENT] * 10_001), "implausibly many parts"),
        (
            jpeg(COMMENT) + bytes(2**16 - 1) + jpeg(SCAN)[2:],
            jpeg(COMMENT) + bytes(2**16 + 1) + jpeg(SCAN)[2:],
            "implausibly many parts",
        ),
        (jpeg(COMMENT) + bytes(2**16), jpeg(COMMENT) + bytes(2**16 + 1), "implausibly many parts"),
        (
            jpeg(*[(0xE1, b"Exif\0\0II*\0")] * 16),
            jpeg(*[(0xE1, b"Exif\0\0II*\0")] * 17),
            "embedded text",
        ),
        (
            jpeg((0xC2, FRAME), *[SCAN] * 1000),
            jpeg((0xC2, FRAME), *[SCAN] * 1001),
            "implausibly many scans",
        ),
        (
            # A thousand scans of 6 million pixels are 6 billion.
            jpeg((0xC2, struct.pack(">BHHB", 8, 2000, 3000, 1) + b"\x01\x11\0"), *[SCAN] * 1000),
            jpeg((0xC2, struct.pack(">BHHB", 8, 2001, 3000, 1) + b"\x01\x11\0"), *[SCAN] * 1000),
            "implausibly many scans",
        ),
    ],
    ids=["segments", "bytes between", "bytes after", "EXIF", "scans", "pixels of scans"],
)
def test_a_jpeg_may_have_so_much_before_and_in_its_picture(allowed, refused, words):
    assert check_content(allowed) == allowed
    with pytest.raises(PhotoError, match=words):
        check_content(refused)


def test_a_baseline_jpeg_in_one_scan_may_hold_its_marker_anywhere():
    data = jpeg((0xC0, FRAME), *[SCAN] * 1500)
    assert check_content(data) == data
