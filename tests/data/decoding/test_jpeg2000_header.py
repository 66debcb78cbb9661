"""The header of a JPEG 2000, and how often the picture may be halved."""

import struct

import pytest

from pawsight.data.decoding.jpeg2000_header import Codestream, max_halvings, read_codestream


def codestream(width, height, num_halvings=5, channels=3, left=0, top=0):
    """SOC, SIZ and COD. Source: ITU-T T.800, A.5.1 and A.6.1."""
    size = struct.pack(">H4I", 0, left + width, top + height, left, top)
    size += struct.pack(">4IH", width, height, 0, 0, channels) + b"\x07\x01\x01" * channels
    coding = struct.pack(">BBHBBBBBB", 0, 0, 1, 0, num_halvings, 4, 4, 0, 1)
    segments = ((0xFF51, size), (0xFF64, b"a comment"), (0xFF52, coding))
    data = b"".join(struct.pack(">HH", kind, len(text) + 2) + text for kind, text in segments)
    return b"\xff\x4f" + data + b"\xff\x90\0\0" + bytes(20)


@pytest.mark.parametrize("before", [b"", b"\0\0\0\x0cjP  boxes"])
def test_size_channels_and_halvings_are_read(before):
    data = before + codestream(640, 480, 4, channels=4, left=10, top=20)
    assert read_codestream(data) == Codestream(640, 480, 4, 4)


def test_without_a_whole_header_nothing_is_read():
    data = codestream(640, 480)
    assert read_codestream(data[:41]) is None
    assert read_codestream(data[:42]) == Codestream(640, 480, 3, 0)
    assert read_codestream(b"no picture at all" * 9) is None
    backwards = data[:8] + struct.pack(">4I", 5, 6, 9, 9) + data[24:]
    assert read_codestream(backwards)[:2] == (0, 0)


def test_what_is_behind_the_header_is_not_read():
    data = codestream(640, 480, 4)
    assert read_codestream(data + b"\xff\x52\0\x0c\0\0\0\0\0\x09" + bytes(9)).num_halvings == 4


@pytest.mark.parametrize(
    ("size", "least", "num_halvings", "expected"),
    [
        ((800, 800), (100, 100), 5, 3),  # never more than three times
        ((800, 800), (101, 100), 5, 2),
        ((800, 800), (100, 201), 5, 1),
        ((800, 800), (401, 100), 5, 0),
        ((800, 800), (10, 10), 2, 2),  # as often as the picture holds
        ((800, 800), (10, 10), 0, 0),
        # 803 / 8 leaves 3, which Pillow rounds down and the decoder up; 803 / 4 leaves 3 of 4.
        ((803, 800), (100, 100), 5, 2),
        ((804, 800), (100, 100), 5, 3),
        ((801, 800), (100, 100), 5, 1),
    ],
)
def test_a_picture_is_halved_until_it_would_be_too_small(size, least, num_halvings, expected):
    assert max_halvings(codestream(*size, num_halvings), size, least) == expected


def test_what_is_no_picture_is_not_halved():
    assert max_halvings(b"", (800, 800), (10, 10)) == 0
