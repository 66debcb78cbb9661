"""A few bytes that ask for gigabytes or for hours are refused before they get them."""

import os
import random
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks" / "fuzz_decode"))
from kinds_of_file import chunk, encode, every_kind
from mutate import mutate

from pawsight.data.decoding import limits
from pawsight.data.decoding.decode import decode, examine, load_pixels
from pawsight.errors import PhotoError

SMALL = Image.fromarray(np.arange(64 * 64 * 3, dtype=np.uint32).astype(np.uint8).reshape(64, 64, 3))
JPEG, PNG = encode(SMALL, "JPEG"), encode(SMALL, "PNG")
GIF = encode(SMALL.quantize(16), "GIF")
GIF_START = 13 + 3 * 16  # its header and its palette
COMMENT = b"!\xfe" + (b"\xff" * 256) * 9000 + b"\0"
TOO_MUCH_TEXT = "its embedded text is implausibly large"
TOO_MANY_PARTS = "it has implausibly many parts"


def refusal(data: bytes) -> str:
    with pytest.raises(PhotoError) as caught:
        load_pixels(data, (50, 50), "stretch")
    return str(caught.value)


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def png_header(width: int, height: int, colour: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)


def tiff(*entries: tuple[int, int, int, int], tail: bytes = b"") -> bytes:
    """A little-endian TIFF whose directory has these entries: tag, type, count, value."""
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + packed + bytes(4) + tail


def directory_of_copies(num_entries: int, size: int) -> bytes:
    """Entries that all ask for the same `size` bytes."""
    return tiff(*((tag + 1, 7, size, 8) for tag in range(num_entries)), tail=bytes(size))


PIXELS = "more pixels than the limit of"
BOMBS = {
    "PNG": (png_header(60_000, 60_000) + PNG[33:], f"{PIXELS} 178 million"),
    "JPEG": (
        JPEG.replace(struct.pack(">BHH", 8, 64, 64), struct.pack(">BHH", 8, 65_000, 65_000)),
        f"{PIXELS} 240 million",
    ),
    "GIF": (GIF[:6] + b"\xff\xff\xff\xff" + GIF[10:], f"{PIXELS} 178 million"),
    "BMP": (
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 60_000, 60_000, 1, 24, *[0] * 6),
        f"{PIXELS} 178 million",
    ),
    "BMP in runs": (
        b"BM"
        + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 9000, 9000, 1, 8, 1, *[0] * 5)
        + bytes(2000),
        f"{PIXELS} 16 million for BMP",
    ),
    "TIFF": (
        tiff(
            *((256, 4, 1, 60_000), (257, 4, 1, 60_000), (258, 3, 1, 8), (259, 3, 1, 1)),
            *((262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, 1), (279, 4, 1, 8)),
        ),
        f"{PIXELS} 178 million",
    ),
    "TIFF with a tile larger than itself": (
        tiff(
            *((256, 4, 1, 1), (257, 4, 1, 1), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1)),
            *((277, 3, 1, 1), (322, 4, 1, 40_000), (323, 4, 1, 40_000)),
            *((324, 4, 1, 8), (325, 4, 1, 8)),
        ),
        f"{PIXELS} 178 million",
    ),
    "JPEG 2000": (
        b"\xff\x4f\xff\x51" + struct.pack(">HHIIII", 47, 0, 60_000, 60_000, 0, 0) + bytes(40),
        f"{PIXELS} 64 million for JPEG 2000",
    ),
    "QOI": (
        b"qoif" + struct.pack(">IIBB", 9000, 9000, 3, 0) + bytes(99),
        f"{PIXELS} 4 million for QOI",
    ),
    "slow PPM": (b"P6 9000 9000 100\n" + bytes(999), f"{PIXELS} 3 million for this kind of PPM"),
    "ICO": (
        b"\0\0\1\0\1\0"
        + struct.pack("<4BHHII", 0, 0, 0, 0, 1, 32, 99, 22)
        + png_header(9000, 9000),
        f"{PIXELS} 4 million for an icon",
    ),
    "TGA": (
        b"\0\0\2" + bytes(9) + struct.pack("<HHBB", 60_000, 60_000, 24, 0) + b"TRUEVISION-XFILE.\0",
        f"{PIXELS} 178 million",
    ),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_of_pixels_is_refused_by_its_header(kind):
    data, reason = BOMBS[kind]
    assert refusal(data) == reason


def with_size(data: bytes, width: int, height: int) -> bytes:
    """Give every `ispe` box of an AVIF or HEIF file another size."""
    for place in range(len(data)):
        if data.startswith(b"ispe", place):
            size = struct.pack(">II", width, height)
            data = data[: place + 8] + size + data[place + 16 :]
    return data


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_an_avif_or_heif_that_claims_too_many_pixels_is_refused(kind):
    reason = refusal(with_size(encode(SMALL, kind), 15_000, 15_000))
    assert reason.startswith(PIXELS) or reason == f"damaged {kind} data"


def test_a_webp_that_claims_too_many_pixels_is_refused():
    data = encode(Image.new("RGBA", (64, 64)), "WEBP")
    assert data[12:16] == b"VP8X"
    size = struct.pack("<I", 16_382)[:3] * 2  # 16,383 squared, less one each
    reason = refusal(data[:24] + size + data[30:])
    assert reason.startswith(PIXELS) or reason == "damaged WebP data"


def test_a_frame_larger_than_its_animation_is_refused():
    frame = GIF.index(b",", GIF_START)
    data = GIF[: frame + 5] + b"\xff\xff\xff\xff" + GIF[frame + 9 :]
    assert refusal(data) == f"{PIXELS} 178 million"


def test_text_that_unpacks_to_gigabytes_is_refused():
    packed = zlib.compress(bytes(2**21))
    for body in (b"zTXt", b"a\0\0"), (b"iTXt", b"a\0\1\0\0\0"), (b"iCCP", b"a\0\0"):
        assert refusal(PNG[:33] + chunk(body[0], body[1] + packed) + PNG[33:]) == TOO_MUCH_TEXT


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (PNG[:33] + chunk(b"tEXt", b"a\0b") * 100_000 + PNG[33:], TOO_MANY_PARTS),
        (JPEG[:2] + segment(0xE1, b"") * 10_001 + JPEG[2:], TOO_MANY_PARTS),
        (JPEG[:2] + bytes(2**17) + JPEG[2:], TOO_MANY_PARTS),
        (JPEG[:2] + bytes(2**17), TOO_MANY_PARTS),
        (JPEG[:2] + segment(0xE1, b"Exif\0\0" + bytes(9)) * 17 + JPEG[2:], TOO_MUCH_TEXT),
        (GIF[:GIF_START] + COMMENT + GIF[GIF_START:], TOO_MUCH_TEXT),
        (b"P6\n#" + b"a" * 10**5 + b"\n1 1 255\nabc", TOO_MUCH_TEXT),
    ],
    ids=["PNG chunks", "JPEG parts", "JPEG junk", "no picture", "EXIF parts", "GIF comment", "PPM"],
)
def test_a_file_of_endless_small_parts_is_refused(data, reason):
    assert refusal(data) == reason


def test_a_directory_that_lists_its_file_many_times_is_refused():
    assert refusal(directory_of_copies(3000, 4000)) == TOO_MANY_PARTS
    exif = directory_of_copies(3000, 4000)
    assert refusal(JPEG[:2] + segment(0xE1, b"Exif\0\0" + exif) + JPEG[2:]) == TOO_MUCH_TEXT
    for kind in ("AVIF", "HEIF"):
        assert refusal(encode(SMALL, kind) + exif) == TOO_MUCH_TEXT


def test_an_absurd_number_of_strips_is_refused():
    data = tiff(
        *((256, 4, 1, 8), (257, 4, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)),
        *((273, 4, 300_000, 200), (277, 3, 1, 1), (279, 4, 300_000, 200)),
        tail=bytes(1_300_000),
    )
    assert refusal(data) == TOO_MANY_PARTS


def test_exif_data_in_other_places_is_searched_for_one_entry_only():
    exif = directory_of_copies(4000, 40_000)
    assert decode(PNG[:33] + chunk(b"eXIf", exif) + PNG[33:]).size == (64, 64)
    assert decode(encode(SMALL, "WEBP", exif=exif)).size == (64, 64)


def test_a_progressive_jpeg_of_a_thousand_scans_is_refused():
    data = encode(SMALL, "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    assert decode(data[:-2] + last * 100 + data[-2:]).size == (64, 64)
    assert refusal(data[:-2] + last * 1000 + data[-2:]) == "it has implausibly many scans"


def test_scans_of_a_large_picture_are_counted_by_its_pixels(monkeypatch):
    data = encode(SMALL, "JPEG", progressive=True)  # 10 scans of 4096 pixels
    monkeypatch.setattr(limits, "_MAX_SCANNED_PIXELS", 40_959)
    assert refusal(data) == "it has implausibly many scans"
    monkeypatch.setattr(limits, "_MAX_SCANNED_PIXELS", 40_960)
    assert decode(data).size == (64, 64)


def test_of_an_animation_of_many_frames_only_the_first_is_looked_at():
    frame = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 1, 1, 1, 0, 0, 0, 0, 0, 0))
    frame += chunk(b"fdAT", b"\0\0\0\2damaged")
    count = chunk(b"acTL", struct.pack(">II", 40_000, 0))
    assert decode(PNG[:33] + count + PNG[33:-12] + frame * 40_000 + PNG[-12:]).size == (64, 64)
    assert decode(GIF[:-1] + GIF[GIF.index(b",", GIF_START) : -1] * 40_000 + b";").size == (64, 64)


def test_a_tiff_whose_pages_go_round_in_a_circle_is_read():
    data = bytearray(encode(SMALL, "TIFF"))
    start = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, start)[0]
    struct.pack_into("<I", data, start + 2 + 12 * count, start)
    assert decode(bytes(data)).size == (64, 64)


@pytest.mark.parametrize(("kind", "limit"), [("HEIF", 32), ("AVIF", 64), ("JPEG2000", 64)])
def test_a_file_too_large_for_a_slow_format_is_refused(kind, limit, monkeypatch):
    monkeypatch.setitem(limits._MAX_BYTES_BY_FORMAT, kind, 100)
    name = "JPEG 2000" if kind == "JPEG2000" else kind
    assert refusal(encode(SMALL, kind)) == f"larger than 0 MiB, the limit for {name}"
    monkeypatch.undo()
    assert limits._MAX_BYTES_BY_FORMAT[kind] == limit * 2**20


@pytest.mark.parametrize("size", [(1, 1), (1, 60_000), (60_000, 1)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "GIF"])
def test_absurd_shapes_are_read_if_they_are_sound(kind, size):
    image = Image.new("P" if kind == "GIF" else "RGB", size)
    facts, pixels = examine(encode(image, kind), (50, 50), "pad")
    assert (facts.width, facts.height) == size
    assert pixels.shape == (50, 50, 3)


def test_a_photo_without_any_pixel_is_damaged():
    assert refusal(png_header(0, 100) + PNG[33:]) == "damaged PNG data"
    place = JPEG.index(b"\xff\xc0") + 5
    assert refusal(JPEG[:place] + bytes(2) + JPEG[place + 2 :]) == "damaged JPEG data"


def test_no_library_prints_what_it_thinks_of_damaged_files(capfd):
    rng = random.Random(0)
    picture = SMALL.resize((200, 150))
    for options in ({"compression": c} for c in ("tiff_lzw", "tiff_adobe_deflate", "jpeg")):
        data = encode(picture, "TIFF", **options)
        for _ in range(40):
            damaged = bytearray(data)
            for _ in range(8):
                damaged[rng.randrange(len(data))] = rng.randrange(256)
            try_decode(bytes(damaged))
    assert capfd.readouterr() == ("", "")


def try_decode(data: bytes) -> str:
    """Decode; give the reason if it cannot be done."""
    try:
        facts, pixels = examine(data, (40, 60), "stretch", keep_truncated=True)
    except PhotoError as error:
        return str(error)
    assert pixels.shape == (40, 60, 3) and facts.width > 0
    return ""


def test_damaged_files_of_every_kind_end_as_pixels_or_as_a_reason(capfd):
    originals = list(every_kind(SMALL.resize((90, 70))).items())
    reasons = set()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for index in range(800):
            rng = random.Random(index)
            _, data = originals[index % len(originals)]
            _, damaged = mutate(data, rng.choice(originals)[1], rng)
            reasons.add(try_decode(damaged))
    assert capfd.readouterr() == ("", "")
    assert "" in reasons and len(reasons) > 10
    for reason in reasons:
        assert "\n" not in reason and len(reason) < 100
        assert "image file" not in reason  # Pillow's words


MEMORY = """
import resource, sys
from pathlib import Path
from pawsight.data.decoding.decode import load_pixels
load_pixels(Path(sys.argv[1]).read_bytes(), (64, 64), "stretch")  # loads what is loaded once
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
load_pixels(Path(sys.argv[2]).read_bytes(), (64, 64), "stretch")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
def test_a_picture_of_the_most_pixels_stays_within_the_memory_promised(tmp_path):
    side = 13_370  # squared, just below the limit
    packer = zlib.compressobj(1)
    row = bytes(1 + side * 2)  # grey and alpha, which takes the most of all PNGs
    packed = b"".join([*(packer.compress(row) for _ in range(side)), packer.flush()])
    large = tmp_path / "large.png"
    large.write_bytes(
        png_header(side, side, colour=4) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )
    (tmp_path / "small.png").write_bytes(PNG)
    paths = [str(tmp_path / "small.png"), str(large)]
    recorded = subprocess.run(
        [sys.executable, "-c", MEMORY, *paths],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    )
    assert int(recorded.stdout) * 1024 < limits.MAX_MEMORY_BYTES / 1.5
    assert recorded.stderr == ""
