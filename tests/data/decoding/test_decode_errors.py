"""The reason that a user reads for a photo that cannot be decoded."""

import struct

import pytest
from PIL import Image, UnidentifiedImageError

from pawsight.data.decoding.decode_errors import reason_for

UNKNOWN = UnidentifiedImageError("cannot identify image file")


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (b"<!DOCTYPE html><p>404", "HTML text"),
        (b"\xef\xbb\xbf \n<HTML>", "HTML text"),
        (b"<head>", "HTML text"),
        (b"<body>", "HTML text"),
        (b"<script>", "HTML text"),
        (b"<?xml version='1.0'?><svg>", "an SVG drawing"),
        (b"<?xml version='1.0'?><annotation>", "XML text"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid",
            "a Git LFS pointer, in place of the photo; get the photos with: git lfs pull",
        ),
        (bytes(5000), "only zero bytes"),
        (b"RIFF\x10\0\0\0AVI LIST", "a film"),
        (b"7z\xbc\xaf\x27\x1c\0", "a 7-Zip archive"),
        (b"SIMPLE  =", "an astronomical image (FITS)"),
        (b"\x89HDF\r\n", "an HDF5 file"),
        (b"\x93NUMPY\x01", "a NumPy array"),
        (b"\x1f\x8b\x08", "a gzip archive"),
        (b"Rar!\x1a", "a RAR archive"),
        (b"\x7fELF\x02", "a program"),
        (b"MZ\x90", "a program"),
        (b"just text\n", "text"),
        (("x" * 1023 + "é").encode(), "text"),  # of the letter, one byte is among the first 1024
        (b"\xff\xfe\x01\x02\x03", "unknown content"),
        (b"text, then \x01 a control character", "unknown content"),
        (b"x\xe9 that is Latin-1, not UTF-8", "unknown content"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "unknown content"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value,
)
def test_what_lies_in_place_of_a_photo_is_named(data, content):
    assert reason_for(UNKNOWN, data) == f"not a photo: {content}"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"\x89PNG\r\n", "PNG"),
        (b"GIF89a", "GIF"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "WebP"),
        (b"BM\0\0", "BMP"),
        (b"II*\x00\x08", "TIFF"),
        (b"MM\x00*\x00", "TIFF"),
        (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
        (b"\xff\x4f\xff\x51", "JPEG 2000"),
        (b"\x00\x00\x01\x00\x01", "icon"),
        (b"qoif", "QOI"),
        (b"\0\0\0\x1cftypavif" + bytes(20), "AVIF"),
        (b"\0\0\0\x1cftypheic" + bytes(20), "HEIF"),
    ],
)
def test_the_kind_of_a_damaged_photo_follows_from_its_bytes(data, kind):
    assert reason_for(UNKNOWN, data, "TGA") == f"damaged {kind} data"
    assert reason_for(ValueError("odd"), data) == f"damaged {kind} data"
    for words in ("cannot handle 12-bit", "Unknown Pixel Mode", "unknown data organization"):
        reason = f"damaged, or a kind of {kind} that pawsight does not read"
        assert reason_for(OSError(words), data) == reason


@pytest.mark.parametrize(
    "error",
    [
        EOFError("x"),
        struct.error("x"),
        *map(OSError, ("image file is truncated", "Unexpected end of file", "premature end")),
        *map(OSError, ("end of file", "end of data", "not enough image data")),
    ],
    ids=repr,
)
def test_a_file_that_is_cut_ends_too_early(error):
    assert reason_for(error, b"\xff\xd8\xff\xe0") == "file ends too early"


def test_other_reasons():
    bomb = Image.DecompressionBombError("x")
    assert reason_for(bomb, b"\xff\xd8") == "more pixels than the limit of 178 million"
    assert reason_for(MemoryError(), b"\xff\xd8") == "needs more memory than there is"
    text = ValueError("Decompressed data too large for PngImagePlugin.MAX_TEXT_CHUNK")
    assert reason_for(text, b"\x89PNG") == "its embedded text is implausibly large"
    assert reason_for(ValueError("odd"), b"????") == "damaged data"
    assert reason_for(ValueError("odd"), b"????", "TGA") == "damaged TGA data"
    assert reason_for(OSError("cannot handle"), b"????") == "damaged data"


def test_films_are_named():
    assert reason_for(UNKNOWN, b"\0\0\0\x18ftypqt  " + bytes(20)).endswith("a film")
    assert reason_for(UNKNOWN, b"RIFF\x10\0\0\0AVI LIST") == "not a photo: a film"
