"""Where a photo's orientation is found, and what damaged EXIF data does."""

import struct

import pytest
from PIL import Image

from pawsight.data.decoding.orientation import swaps_width_and_height, transposition_of

Turn = Image.Transpose
TURNS = {
    1: None,
    2: Turn.FLIP_LEFT_RIGHT,
    3: Turn.ROTATE_180,
    4: Turn.FLIP_TOP_BOTTOM,
    5: Turn.TRANSPOSE,
    6: Turn.ROTATE_270,
    7: Turn.TRANSVERSE,
    8: Turn.ROTATE_90,
}


def exif_of(value, order="<", kind=3, letter="H", others=0, count=None, tag=0x0112):
    """EXIF data whose orientation comes after other entries."""
    entries = b"".join(struct.pack(order + "HHIHxx", 0x0100, 3, 1, 7) for _ in range(others))
    entries += struct.pack(order + "HHI" + letter, tag, kind, 1, value).ljust(12, b"\0")
    count = others + 1 if count is None else count
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(order + "IH", 8, count) + entries


@pytest.mark.parametrize(("value", "turn"), TURNS.items())
@pytest.mark.parametrize("order", ["<", ">"])
def test_each_orientation_has_its_turn(value, turn, order):
    assert transposition_of({"exif": b"Exif\0\0" + exif_of(value, order)}) == turn
    assert transposition_of({"exif": exif_of(value, order)}) == turn
    assert swaps_width_and_height(turn) is (value >= 5)


@pytest.mark.parametrize("value", [0, 9])
def test_an_orientation_that_is_none_turns_nothing(value):
    assert transposition_of({"exif": exif_of(value)}) is None


def test_the_last_entry_counts_although_nothing_follows_it():
    assert transposition_of({"exif": exif_of(6, others=3)}) == TURNS[6]
    # All entries that are there count, where more are claimed.
    assert transposition_of({"exif": exif_of(6, others=3, count=60000)}) == TURNS[6]


def test_an_entry_that_is_not_claimed_or_cut_does_not_count():
    assert transposition_of({"exif": exif_of(6, others=3, count=3)}) is None
    assert transposition_of({"exif": exif_of(6, others=3)[:-1]}) is None


def test_of_absurdly_many_entries_the_first_4096_are_read():
    assert transposition_of({"exif": exif_of(6, others=4095)}) == TURNS[6]
    assert transposition_of({"exif": exif_of(6, others=4096)}) is None


@pytest.mark.parametrize(
    "exif", [b"", b"II*\0", b"II*\0\x08\0\0", b"II*\0\xff\0\0\0", b"XX*\0" + exif_of(6)[4:]]
)
def test_damaged_exif_data_turns_nothing_and_xmp_counts(exif):
    assert transposition_of({"exif": exif}) is None
    assert transposition_of({"exif": exif, "xmp": b'tiff:Orientation="3"'}) == TURNS[3]


def test_exif_goes_before_xmp():
    assert transposition_of({"exif": exif_of(6), "xmp": b'tiff:Orientation="3"'}) == TURNS[6]
    # An orientation of a kind that is not read says that it is unknown.
    odd = exif_of(6, kind=2, letter="H")
    assert transposition_of({"exif": odd, "xmp": b'tiff:Orientation="3"'}) == TURNS[3]


@pytest.mark.parametrize(
    "xmp",
    [
        {"xmp": b'tiff:Orientation="8"'},
        {"xmp": "tiff:Orientation='8'"},
        {"XML:com.adobe.xmp": "<tiff:Orientation> 8</tiff:Orientation>"},
    ],
)
def test_xmp_is_text_or_bytes_under_two_names(xmp):
    assert transposition_of(xmp) == TURNS[8]


def test_imagemagick_s_hexadecimal_exif_is_read():
    digits = (b"Exif\0\0" + exif_of(6)).hex()
    lines = f"\nexif\n{len(digits) // 2:8}\n{digits[:72]}\n{digits[72:]}\n"
    assert transposition_of({"Raw profile type exif": lines}) == TURNS[6]
    assert transposition_of({"Raw profile type exif": "\nexif\n 4\nno digits\n"}) is None
