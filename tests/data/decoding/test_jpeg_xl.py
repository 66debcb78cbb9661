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
    ("ratio", "width"), [(1, 16), (2, 19), (3, 21), (4, 24), (5, 28), (6, 20), (7, 32)]
)
def test_the_width_follows_from_the_height_by_a_ratio(ratio, width):
    # 16 high, and 1:1, 12:10, 4:3, 3:2, 16:9, 5:4 or 2:1.
    assert read_header(codestream((1, 1), (1, 5), (ratio, 3), (1, 1))) == (width, 16, 0)


@pytest.mark.parametrize(("form", "bits"), [(0, 9), (1, 13), (2, 18), (3, 30)])
def test_a_side_has_as_many_bits_as_it_needs(form, bits):
    height = (form, 2), (2**bits - 1, bits)
    assert read_header(codestream((0, 1), *height, (0, 3), *height, (1, 1))) == (2**bits,) * 2 + (
        0,
    )


def wide(kind, payload):
    """A box whose length has 64 bits."""
    return b"\0\0\0\1" + kind + (16 + len(payload)).to_bytes(8, "big") + payload


@pytest.mark.parametrize(
    "boxes",
    [
        wide(b"jxlc", codestream(*SMALL, (1, 1))),
        wide(b"Exif", bytes(24)) + wide(b"jxlp", b"\0\0\0\0" + codestream(*SMALL, (1, 1))),
        b"\0\0\0\x08free" + wide(b"jxlc", codestream(*SMALL, (1, 1))),
        b"\0\0\0\x00jxlc" + codestream(*SMALL, (1, 1)),  # up to the end of the file
        b"\0\0\0\x10jxlc" + codestream(*SMALL, (1, 1))[:8],  # the very end
    ],
)
def test_boxes_have_lengths_of_32_or_64_bits_or_none(boxes):
    assert read_header(CONTAINER + boxes) == (24, 16, 0)


@pytest.mark.parametrize(
    "box",
    [
        b"\0\0\0\0Exif",  # up to the end
        b"\0\0\0\7Exif",  # shorter than itself
        b"\0\0\0\1Exif" + (15).to_bytes(8, "big"),
    ],
)
def test_nothing_is_found_behind_a_box_without_an_end(box):
    assert read_header(CONTAINER + box + in_boxes(codestream(*SMALL, (1, 1)))[12:]) is None


ELEVEN = ((1, 1), (2, 2), (9, 4))  # 16 bits are enough; 2 + 9 extra channels
PLAIN = ((0, 1), (0, 1))  # not all as usual, but no extra fields
ANIMATION = ((0, 1), (1, 1), (0, 3), (0, 2), (1, 1))


@pytest.mark.parametrize(
    "fields",
    [
        *((*PLAIN, (0, 1), (form, 2)) for form in (0, 1, 2)),  # whole numbers
        (*PLAIN, (0, 1), (3, 2), (15, 6)),
        *((*PLAIN, (1, 1), (form, 2), (8, 4)) for form in (0, 1, 2)),  # floats
        (*PLAIN, (1, 1), (3, 2), (15, 6), (8, 4)),
        # A size to be shown at, of two sides or by a ratio.
        ((0, 1), (1, 1), (7, 3), (1, 1), *SMALL, (0, 2), (0, 1), (0, 2)),
        ((0, 1), (1, 1), (7, 3), (1, 1), *RATIO, (0, 2), (0, 1), (0, 2)),
        # Ticks a second, as numerator and denominator, loops, and whether frames have times.
        *((*ANIMATION, (form, 2), (0, 2), (0, 2), (1, 1), (0, 1), (0, 2)) for form in (0, 1)),
        (*ANIMATION, (2, 2), (999, 10), (1, 2), (1, 2), (7, 3), (1, 1), (0, 1), (0, 2)),
        (
            *ANIMATION,
            (3, 2),
            (2**29, 30),
            (2, 2),
            (255, 8),
            (2, 2),
            (9, 16),
            (1, 1),
            (0, 1),
            (0, 2),
        ),
        (*ANIMATION, (0, 2), (3, 2), (999, 10), (3, 2), (9, 32), (0, 1), (0, 1), (0, 2)),
    ],
)
def test_extra_channels_are_found_behind_all_other_fields(fields):
    assert read_header(codestream(*SMALL, *fields, *ELEVEN)) == (24, 16, 11)


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        # No extra fields; whole numbers of 8 bits; 16 bits are enough; one extra channel.
        (((0, 1), (0, 1), (0, 1), (0, 2), (1, 1), (1, 2)), 1),
        (((0, 1), (0, 1), (0, 1), (0, 2), (1, 1), (0, 2)), 0),
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
    following = (2**16 - 1, 16)  # bits that belong to what comes next
    assert read_header(codestream(*SMALL, *fields, following)) == (24, 16, count)


@pytest.mark.parametrize(
    "data", [b"", b"\xff", CONTAINER, CONTAINER + b"\0\0\0\x03jxlc", b"\x89PNG" + bytes(60)]
)
def test_other_bytes_have_no_header(data):
    assert read_header(data) is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (codestream(*RATIO, (1, 1)), "more pixels than the limit of 64 million for JPEG XL"),
        (codestream(*SMALL, (0, 1), (0, 5), (3, 2), (99, 12)), "implausibly many parts"),
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
