"""Single entries of EXIF data, in both byte orders, whole and damaged."""

import struct

import pytest

from pawsight.data.decoding.exif import exif_of, number_of, texts_of

ORIENTATION, MAKE, MODEL = 274, 271, 272


def exif(order, *entries):
    """EXIF data of these entries: (tag, kind, number of values, value in 4 bytes, bytes behind)."""
    data = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "IH", 8, len(entries))
    behind = b""
    for tag, kind, count, value, more in entries:
        if more:
            value = struct.pack(order + "I", 10 + 12 * len(entries) + len(behind))
        data += struct.pack(order + "HHI", tag, kind, count) + value.ljust(4, b"\0")
        behind += more
    return data + behind


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("kind", "letter", "number"), [(1, "B", 6), (3, "H", 500), (4, "I", 70_000)]
)
def test_whole_numbers_are_read(order, kind, letter, number):
    other = (MAKE, 2, 4, b"abc", b"")
    data = exif(order, other, (ORIENTATION, kind, 1, struct.pack(order + letter, number), b""))
    assert number_of(data, ORIENTATION) == number
    assert number_of(data, MODEL) is None


@pytest.mark.parametrize("kind", [0, 2, 5, 9])
def test_other_kinds_are_no_whole_numbers(kind):
    assert number_of(exif("<", (ORIENTATION, kind, 1, b"\6", b"")), ORIENTATION) is None


@pytest.mark.parametrize("order", "<>")
def test_texts_are_in_their_entry_or_behind(order):
    entries = ((MODEL, 2, 9, b"", b"NIKON D70"), (MAKE, 2, 4, b"abcd", b""))
    assert texts_of(exif(order, *entries), (MAKE, MODEL, 9)) == ["abcd", "NIKON D70", ""]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (b"D70\0old", "D70"),  # up to the first NUL
        (b"  D\n70\x01  ", "D70"),  # printable characters, without space around them
        (b"x" * 70, "x" * 64),
        (b"M\xe9gane", "Mégane"),
    ],
)
def test_a_text_is_short_and_printable(written, text):
    data = exif("<", (MODEL, 2, len(written), b"", written + b"other"))
    assert texts_of(data, (MODEL,)) == [text]


def test_a_text_of_another_kind_is_none():
    assert texts_of(exif("<", (MODEL, 1, 4, b"abcd", b"")), (MODEL,)) == [""]


def test_what_is_cut_off_is_absent_and_no_error():
    data = exif("<", (MODEL, 2, 9, b"", b"NIKON D70"), (ORIENTATION, 3, 1, b"\6", b""))
    whole = 10 + 2 * 12
    for end in range(whole):
        assert number_of(data[:end], ORIENTATION) is None
    assert number_of(data[:whole], ORIENTATION) == 6
    assert texts_of(data[:whole], (MODEL,)) == [""]
    assert texts_of(data[:-4], (MODEL,)) == ["NIKON"]
    assert number_of(b"XX" + data[2:], ORIENTATION) is None


@pytest.mark.parametrize(("place", "number"), [(4095, 6), (4096, None)])
def test_entries_beyond_thousands_are_not_read(place, number):
    entries = [(1, 3, 1, b"\1", b"")] * place
    data = exif("<", *entries, (ORIENTATION, 3, 1, b"\6", b""))
    assert number_of(data, ORIENTATION) == number


def test_data_are_found_with_their_prefix_and_in_a_png_of_imagemagick():
    assert exif_of({"exif": b"Exif\0\0II*\0"}) == b"II*\0"
    assert exif_of({"exif": b"II*\0"}) == b"II*\0"
    hexadecimal = b"Exif\0\0II*\0".hex()
    text = f"\nexif\n      10\n{hexadecimal[:8]}\n{hexadecimal[8:]}\n"
    assert exif_of({"Raw profile type exif": text}) == b"II*\0"
    assert exif_of({"Raw profile type exif": "\nexif\n      10\nno number"}) == b""
    assert exif_of({}) == b""
