"""Raw photos of cameras are recognised by their content; the extra `raw` finds their preview."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from pawsight.data.decoding import raw_preview
from pawsight.data.decoding.decode import decode, examine
from pawsight.data.decoding.raw_preview import is_raw
from pawsight.errors import PhotoError

BYTE, ASCII, SHORT, LONG = 1, 2, 3, 4
SIZES = {BYTE: "B", ASCII: "B", SHORT: "H", LONG: "I"}
SIDE = 64  # of the sensor


def directory(entries, at):
    """Write a directory of (tag, kind, values), the values that do not fit behind it."""
    inline, extra = [], b""
    behind = at + 2 + 12 * len(entries) + 4
    for tag, kind, values in sorted(entries):
        packed = struct.pack(f"<{len(values)}{SIZES[kind]}", *values)
        place = packed.ljust(4, b"\0")
        if len(packed) > 4:
            place = struct.pack("<I", behind + len(extra))
            extra += packed + b"\0" * (len(packed) % 2)
        inline.append(struct.pack("<HHI", tag, kind, len(values)) + place)
    return struct.pack("<H", len(entries)) + b"".join(inline) + bytes(4) + extra


def dng(preview: bytes, orientation=1, is_dng=True, photometric=32803):
    """Draw a DNG: a JPEG as preview, and beside it the values of a small sensor."""
    width, height = Image.open(io.BytesIO(preview)).size if preview else (16, 16)
    sensor = np.arange(SIDE * SIDE, dtype="<u2").tobytes()
    preview_at, sensor_at = 2048, 2048 + len(preview) + len(preview) % 2
    main = [
        *((254, LONG, [1]), (256, LONG, [width]), (257, LONG, [height])),
        *((258, SHORT, [8, 8, 8]), (259, SHORT, [7]), (262, SHORT, [6])),
        *((271, ASCII, b"Paw\0"), (272, ASCII, b"Sight 1\0")),
        *((273, LONG, [preview_at]), (274, SHORT, [orientation]), (277, SHORT, [3])),
        *((278, LONG, [height]), (279, LONG, [len(preview)]), (330, LONG, [1024])),
    ]
    if is_dng:
        main += [(50706, BYTE, [1, 4, 0, 0]), (50708, ASCII, b"Paw Sight 1\0")]
    raw = [
        *((254, LONG, [0]), (256, LONG, [SIDE]), (257, LONG, [SIDE]), (258, SHORT, [16])),
        *((259, SHORT, [1]), (262, SHORT, [photometric]), (273, LONG, [sensor_at])),
        *((277, SHORT, [1]), (278, LONG, [SIDE]), (279, LONG, [len(sensor)])),
        *((33421, SHORT, [2, 2]), (33422, BYTE, [0, 1, 1, 2])),
    ]
    head = b"II*\0" + struct.pack("<I", 8) + directory(main, 8)
    content = head.ljust(1024, b"\0") + directory(raw, 1024)
    return content.ljust(2048, b"\0") + preview + b"\0" * (len(preview) % 2) + sensor


def jpeg(width=96, height=64, **options):
    """Draw a JPEG whose left half is red and whose right half is blue."""
    image = Image.new("RGB", (width, height), (200, 30, 30))
    image.paste((30, 30, 200), (width // 2, 0, width, height))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95, **options)
    return file.getvalue()


def test_a_raw_photo_is_recognised_by_its_content():
    assert is_raw(dng(jpeg()))
    assert is_raw(dng(jpeg(), is_dng=False))  # by the sensor's values in an inner directory
    assert is_raw(b"II*\0\x10\0\0\0CR\2\0" + bytes(50))
    assert is_raw(b"\0\0\0\x18ftypcrx " + bytes(50))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_other_tiffs_are_none(mode):
    file = io.BytesIO()
    Image.new(mode, (40, 30)).save(file, "TIFF")
    assert not is_raw(file.getvalue())
    assert not is_raw(dng(jpeg(), is_dng=False, photometric=1))  # a reduced picture inside


def test_a_directory_beyond_the_end_of_a_tiff_is_ignored():
    entry = struct.pack("<HHII", 330, LONG, 2, 10**6)
    assert not is_raw(b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4))


@pytest.mark.parametrize("cut", range(0, 1400, 37))
def test_a_cut_file_is_recognised_or_not_without_an_error(cut):
    is_raw(dng(jpeg())[:cut])
    is_raw(dng(jpeg(), is_dng=False)[:cut])


def test_without_the_extra_the_reason_names_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rawpy", None)
    with pytest.raises(PhotoError, match=r'preview .* pip install "pawsight\[raw\]"'):
        decode(dng(jpeg()))


@pytest.fixture
def libraw():
    return pytest.importorskip("rawpy", reason="needs the extra raw")


def test_the_preview_is_the_photo(libraw):
    found = decode(dng(jpeg()))
    assert np.array_equal(np.asarray(found), np.asarray(decode(jpeg())))
    facts, _ = examine(dng(jpeg()), (32, 32), "stretch")
    assert (facts.format, facts.width, facts.height) == ("RAW", 96, 64)


@pytest.mark.parametrize(
    ("orientation", "size", "top_left"),
    [(1, (96, 64), "red"), (3, (96, 64), "blue"), (6, (64, 96), "red"), (8, (64, 96), "blue")],
)
def test_the_orientation_of_the_raw_photo_counts(libraw, orientation, size, top_left):
    found = decode(dng(jpeg(), orientation))
    red, _, blue = found.getpixel((2, 2))
    assert found.size == size
    assert ("red" if red > blue else "blue") == top_left


def test_a_preview_that_states_its_own_orientation_keeps_it(libraw):
    exif = Image.Exif()
    exif[274] = 6
    assert decode(dng(jpeg(exif=exif), 6)).size == (64, 96)


def test_a_raw_photo_without_a_preview_is_named(libraw):
    data = dng(b"")
    with pytest.raises(PhotoError, match=r"without a preview|damaged"):
        decode(data)


def test_a_bitmap_is_turned_upright():
    pixels = np.zeros((4, 6, 3), np.uint8)
    assert decode(raw_preview._as_png(pixels, 6)).size == (4, 6)


@pytest.mark.parametrize("keep", [9, 500, 1100, 2060])
def test_a_cut_raw_photo_is_an_error(libraw, keep):
    with pytest.raises(PhotoError):
        decode(dng(jpeg())[:keep])
