"""JPEG XL: the size is checked before anything is decoded, and the extra `jxl` decodes."""

import io

import numpy as np
import pytest
from PIL import Image

from pawsight.data.decoding.decode import decode
from pawsight.data.decoding.jpegxl_header import CONTAINER, read_header
from pawsight.errors import PhotoError


def codestream(*fields):
    """Write numbers as (value, bits), the lowest bit first."""
    value = place = 0
    for number, bits in fields:
        value |= number << place
        place += bits
    return b"\xff\x0a" + value.to_bytes(place // 8 + 1, "little") + bytes(40)


def in_boxes(stream, kind=b"jxlc", before=b""):
    ftyp = b"\0\0\0\x14ftypjxl \0\0\0\0jxl "
    return CONTAINER + ftyp + before + (len(stream) + 8).to_bytes(4, "big") + kind + stream


SMALL = ((1, 1), (1, 5), (0, 3), (2, 5))  # 16 high, 24 wide, in units of 8
LARGE = ((0, 1), (1, 2), (1999, 13), (0, 3), (0, 2), (99, 9))  # 2000 high, 100 wide
RATIO = ((0, 1), (2, 2), (8999, 18), (5, 3))  # 9000 high, 16:9 wide


@pytest.mark.parametrize(
    ("fields", "size"), [(SMALL, (24, 16)), (LARGE, (100, 2000)), (RATIO, (16000, 9000))]
)
def test_the_size_is_read_in_each_form(fields, size):
    for stream in (codestream(*fields, (1, 1)), in_boxes(codestream(*fields, (1, 1)))):
        assert read_header(stream) == (*size, 0)


def test_the_size_is_found_behind_other_boxes_and_in_a_partial_one():
    stream = codestream(*SMALL, (1, 1))
    exif = b"\0\0\0\x10Exif" + bytes(8)
    assert read_header(in_boxes(b"\0\0\0\0" + stream, b"jxlp", exif)) == (24, 16, 0)


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        # No extra fields; whole numbers of 8 bits; 16 bits are enough; one extra channel.
        (((0, 1), (0, 1), (0, 1), (0, 2), (1, 1), (1, 2)), 1),
        # Orientation, 16 bits as 1 + 15, and 2 + 5 extra channels.
        (((0, 1), (1, 1), (5, 3), (0, 3), (0, 1), (3, 2), (15, 6), (0, 1), (2, 2), (5, 4)), 7),
        # An animation of 100/1001 ticks for ever; floats of 32 bits; 1 + 4000 extra channels.
        (
            (
                *((0, 1), (1, 1), (0, 3), (0, 2), (1, 1), (0, 2), (1, 2), (0, 2), (0, 1)),
                *((1, 1), (0, 2), (8, 4), (0, 1), (3, 2), (4000, 12)),
            ),
            4001,
        ),
    ],
)
def test_extra_channels_are_counted(fields, count):
    assert read_header(codestream(*SMALL, *fields)) == (24, 16, count)


@pytest.mark.parametrize(
    "data", [b"", b"\xff", CONTAINER, CONTAINER + b"\0\0\0\x03jxlc", b"\x89PNG" + bytes(60)]
)
def test_other_bytes_have_no_header(data):
    assert read_header(data) is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (codestream(*RATIO, (1, 1)), "more pixels than the limit of 64 million for JPEG XL"),
        (codestream(*SMALL, (0, 1), (0, 5), (3, 2), (99, 12)), "too many parts"),
        (codestream(*SMALL, (0, 1), (1, 1), (4, 4), (1, 1)), "damaged, or a kind of JPEG XL"),
    ],
)
def test_what_would_take_all_memory_is_refused_unread(data, reason):
    with pytest.raises(PhotoError, match=reason):
        decode(data)


@pytest.fixture
def encoded():
    """Return the bytes of an image as JPEG XL, without loss."""
    plugin = pytest.importorskip("pillow_jxl", reason="needs the extra jxl")
    assert plugin

    def encode(image, **options):
        file = io.BytesIO()
        image.save(file, "JXL", lossless=True, **options)
        return file.getvalue()

    return encode


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)


@pytest.mark.parametrize("use_container", [True, False])
def test_a_photo_is_decoded(encoded, pixels, use_container):
    data = encoded(Image.fromarray(pixels), use_container=use_container)
    assert read_header(data) == (56, 40, 0)
    assert np.array_equal(np.asarray(decode(data)), pixels)


def test_transparent_places_are_white(encoded, pixels):
    image = Image.fromarray(pixels).convert("RGBA")
    image.putalpha(Image.new("L", image.size, 0))
    data = encoded(image)
    assert read_header(data) == (56, 40, 1)
    assert np.asarray(decode(data)).min() == 255


def test_16_bits_become_8(encoded):
    grey = np.linspace(0, 65535, 48 * 48).reshape(48, 48).astype(np.uint16)
    levels = np.asarray(decode(encoded(Image.fromarray(grey))))[..., 0].ravel().astype(int)
    # Its curve is that of the profile that the encoder writes.
    assert (levels[0], levels[-1]) == (0, 255)
    assert (np.diff(levels) >= 0).all()
    assert len(set(levels)) > 100


def test_a_jpeg_inside_keeps_its_orientation(encoded, pixels, tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif)
    with Image.open(tmp_path / "a.jpg") as image, pytest.warns(UserWarning, match="lossless"):
        file = io.BytesIO()
        image.save(file, "JXL")
    expected = decode((tmp_path / "a.jpg").read_bytes())
    assert np.array_equal(np.asarray(decode(file.getvalue())), np.asarray(expected))


def test_a_cut_file_is_an_error(encoded, pixels):
    data = encoded(Image.fromarray(pixels))
    with pytest.raises(PhotoError):
        decode(data[: len(data) // 2])
