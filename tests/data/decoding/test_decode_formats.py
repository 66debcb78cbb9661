"""Every kind of file gives the picture that was written into it."""

import functools
import io
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks" / "fuzz_decode"))
from kinds_of_file import encode, every_kind, grey_16

from pawsight.data.decoding.decode import decode, examine, load_pixels
from pawsight.data.file_types import SNIFF_BYTES, Kind, sniff
from pawsight.data.pixel_scale import PixelScale
from pawsight.errors import PhotoError


def ramps(width: int = 120, height: int = 80) -> Image.Image:
    """Red grows to the right, green downwards, blue is even: no two corners are alike."""
    yy, xx = np.mgrid[0:height, 0:width]
    red, green = xx * 200 / (width - 1) + 30, yy * 200 / (height - 1) + 30
    return Image.fromarray(np.stack([red, green, 0 * red + 90], -1).round().astype(np.uint8))


KINDS = list(every_kind(ramps(16, 16)))
# What is white is defined for 16 bits, but for neither of these.
SCALE = PixelScale(ranges={"float": (0, 1), "int32": (0, 255)})


@functools.cache
def files() -> dict[str, bytes]:
    """The picture as every kind of file; not made before a test needs it."""
    return every_kind(ramps())


def expected_of(kind: str) -> Image.Image:
    if "grey" in kind or "JPEG 2000 16-bit" in kind:
        return ramps().convert("L").convert("RGB")
    if kind in ("PNG 1-bit", "TIFF group4", "BMP 1"):
        return ramps().convert("1").convert("RGB")
    return ramps().resize((64, 64)) if kind == "ICO" else ramps()


def tolerance_of(kind: str) -> float:
    """The mean difference that the format itself makes: few colours, or a lossy code."""
    if "4-bit" in kind or kind == "BMP 4":
        return 14
    if "palette" in kind or kind.startswith(("GIF", "BMP 8")):
        return 5
    lossy = ("JPEG ", "WebP lossy", "WebP animated", "AVIF", "HEIF", "TIFF JPEG", "TIFF Lab")
    return 1.5 if kind.startswith(lossy) and not kind.startswith("JPEG 2000") else 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_its_picture(kind):
    image, expected = decode(files()[kind], scale=SCALE), expected_of(kind)
    assert image.mode == "RGB" and image.size == expected.size
    difference = np.abs(np.asarray(image, int) - np.asarray(expected, int))
    assert difference.mean() <= tolerance_of(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_comes_at_any_working_size(kind):
    for image_size, resize in (((20, 30), "stretch"), ((20, 20), "crop"), ((30, 30), "pad")):
        facts, pixels = examine(files()[kind], image_size, resize, scale=SCALE)
        assert pixels.shape == (*image_size, 3) and pixels.dtype == np.uint8
        assert (facts.width, facts.height) == expected_of(kind).size
        assert facts.flaw == ""
        assert (load_pixels(files()[kind], image_size, resize, scale=SCALE) == pixels).all()


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind not in ("TGA", "ICO", "PCX", "SGI")]
)
def test_every_common_kind_of_file_is_known_by_its_first_bytes(kind):
    assert sniff(files()[kind][:SNIFF_BYTES]) == (Kind.PHOTO, "")


def test_the_inks_of_a_cmyk_photo_are_not_inverted():
    for kind in ("JPEG CMYK", "JPEG YCCK", "TIFF CMYK", "TIFF 16-bit CMYK"):
        upper_left, lower_right = (np.asarray(decode(files()[kind]))[p, p] for p in (2, -3))
        assert upper_left.sum() < lower_right.sum(), kind


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_wide_panorama_is_read_and_shrunk(kind):
    wide = ramps(12_000, 400)
    facts, pixels = examine(encode(wide, kind), (80, 120), "stretch")
    assert (facts.width, facts.height) == (12_000, 400)
    assert np.abs(pixels.astype(int) - np.asarray(ramps())).mean() < 2


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "GIF", "JPEG2000"])
def test_a_photo_much_larger_than_asked_for_is_shrunk_to_the_same_pixels(kind):
    # Once with the shrinking that comes before the colours, once after it.
    large = ramps(1200, 800)
    image = large.quantize(256) if kind == "GIF" else large
    data = encode(image, kind, **({"lossless": True} if kind == "WEBP" else {}))
    small = load_pixels(data, (80, 120), "stretch").astype(int)
    full = decode(data).resize((120, 80), Image.Resampling.BOX)
    assert np.abs(small - np.asarray(full)).mean() < 1.5


def test_a_jpeg_2000_that_can_be_halved_only_once_is_shrunk_further():
    data = encode(ramps(600, 600), "JPEG2000", num_resolutions=2)
    pixels = load_pixels(data, (64, 64), "stretch").astype(int)
    assert np.abs(pixels - np.asarray(ramps(64, 64))).mean() < 2


def test_a_large_transparent_photo_is_white_where_it_is_clear():
    # Colour under what is clear must not bleed into its surroundings.
    clear = Image.new("RGBA", (800, 800), (255, 0, 0, 0))
    clear.paste((0, 0, 255, 255), (0, 0, 400, 800))
    for kind in ("PNG", "WEBP", "TIFF"):
        pixels = load_pixels(encode(clear, kind, lossless=True), (64, 64), "stretch")
        assert (pixels[:, :31] == (0, 0, 255)).all() and (pixels[:, 33:] == 255).all()


def test_a_large_grey_photo_of_16_bits_keeps_its_scale():
    data = encode(grey_16(ramps(2400, 1900)), "PNG")
    grey = np.asarray(ramps(2400, 1900).convert("L"), int)
    assert np.abs(np.asarray(decode(data))[..., 0] - grey).max() <= 1
    assert abs(load_pixels(data, (64, 64), "stretch").mean() - grey.mean()) < 0.6


def test_numbers_that_are_none_are_black():
    values = np.full((40, 40), 0.5, np.float32)
    values[0, 0], values[0, 1] = np.nan, np.inf
    pixels = np.asarray(decode(encode(Image.fromarray(values), "TIFF"), scale=SCALE))[..., 0]
    assert pixels[0, :3].tolist() == [0, 0, 128]


def test_a_kind_of_tiff_that_is_not_read_is_named():
    data = io.BytesIO()
    tifffile.imwrite(data, np.zeros((8, 8), np.complex64))
    with pytest.raises(PhotoError, match=r"kind complex64, which pawsight does not read"):
        decode(data.getvalue())


def test_the_name_of_a_file_has_no_effect(tmp_path):
    from pawsight.data.reading.ingest import ingest

    for folder, name, kind in (
        ("a", "photo.jpg", "PNG RGB"),
        ("a", "photo.png", "HEIF"),
        ("b", "photo.webp", "JPEG baseline"),
        ("b", "photo", "AVIF"),
    ):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_bytes(files()[kind])
    catalog, _ = ingest(tmp_path, (20, 30))
    assert [photo.format for photo in catalog.photos] == ["PNG", "HEIF", "AVIF", "JPEG"]
    assert not any(photo.problem for photo in catalog.photos)


# Colour profiles: primaries as XYZ at D50, one column each for red, green and blue.
SRGB = np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]])
DISPLAY_P3 = np.array(
    [[0.5151, 0.2920, 0.1571], [0.2412, 0.6922, 0.0666], [-0.0011, 0.0419, 0.7841]]
)
ADOBE_RGB = np.array([[0.6097, 0.2053, 0.1492], [0.3111, 0.6257, 0.0632], [0.0195, 0.0609, 0.7446]])


def profile(space: bytes, gamma: float, primaries: np.ndarray | None = None) -> bytes:
    """Write an ICC profile of version 2. Source: ICC.1:2001-04."""

    def xyz(values: object) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(79)
    tags = {b"desc": text, b"wtpt": xyz((0.9642, 1, 0.8249))}
    if primaries is None:
        tags[b"kTRC"] = curve
    else:
        for column, letter in enumerate((b"r", b"g", b"b")):
            tags |= {letter + b"XYZ": xyz(primaries[:, column]), letter + b"TRC": curve}
    table, body, start = b"", b"", 132 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    size = start + len(body)
    head = struct.pack(">I4sI", size, bytes(4), 0x02100000) + b"mntr" + space + b"XYZ "
    head = head.ljust(36, b"\0") + b"acsp"
    head = head.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def to_srgb(colour: tuple[int, int, int], gamma: float, primaries: np.ndarray) -> np.ndarray:
    light = np.linalg.inv(SRGB) @ primaries @ (np.array(colour) / 255) ** gamma
    light = light.clip(0, 1)
    curved = np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, 12.92 * light)
    return curved * 255


@pytest.mark.parametrize("primaries", [DISPLAY_P3, ADOBE_RGB], ids=["Display P3", "Adobe RGB"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_colours_of_a_wider_space_are_brought_to_srgb(kind, primaries):
    colour = (180, 120, 60)
    expected = to_srgb(colour, 2.2, primaries)
    assert np.abs(expected - colour).max() > 8  # there is something to convert
    for mode in ("RGB", "RGBA"):
        if mode == "RGBA" and kind == "JPEG":
            continue
        image = Image.new("RGB", (64, 64), colour).convert(mode)
        data = encode(image, kind, icc_profile=profile(b"RGB ", 2.2, primaries), quality=95)
        for pixels in (np.asarray(decode(data)), load_pixels(data, (8, 8), "stretch")):
            assert np.abs(pixels.reshape(-1, 3).mean(0) - expected).max() < 3, mode


def test_grey_is_brought_to_srgb_by_its_own_profile():
    # Half the light, of which sRGB makes 1.055 * 0.5 ** (1 / 2.4) - 0.055 = 0.7354.
    data = encode(Image.new("L", (16, 16), 128), "PNG", icc_profile=profile(b"GRAY", 1.0))
    assert np.abs(np.asarray(decode(data)).astype(int) - 188).max() <= 1


def test_a_profile_of_another_colour_space_is_left_out():
    data = encode(Image.new("RGB", (16, 16), (9, 99, 199)), "PNG", icc_profile=profile(b"GRAY", 1))
    assert np.asarray(decode(data))[0, 0].tolist() == [9, 99, 199]


def test_large_photos_are_converted_as_small_ones_are():
    # Above four million pixels the colours are converted in strips.
    data = encode(ramps(2100, 2050), "TIFF", icc_profile=profile(b"RGB ", 2.2, ADOBE_RGB))
    whole = np.asarray(decode(data))
    image = ramps(2100, 2050).crop((0, 1990, 2100, 2050))
    strip = encode(image, "TIFF", icc_profile=profile(b"RGB ", 2.2, ADOBE_RGB))
    assert (whole[1990:] == np.asarray(decode(strip))).all()


@pytest.mark.parametrize("quote", ['"', "'"])
def test_the_orientation_in_xmp_counts_where_there_is_no_exif(quote):
    xmp = f"<x tiff:Orientation={quote}3{quote}/>".encode()
    data = encode(ramps(), "JPEG", xmp=xmp, quality=95)
    assert np.asarray(decode(data))[0, 0, 0] > 200  # red, which grows to the right


def test_exif_data_of_any_order_and_type_is_understood():
    turned = np.asarray(ramps().transpose(Image.Transpose.ROTATE_180), int)
    for order, head in (("<", b"II*\0"), (">", b"MM\0*")):
        for kind, letter in ((3, "H"), (4, "I")):
            entry = struct.pack(order + "HHI" + letter, 0x0112, kind, 1, 3).ljust(12, b"\0")
            exif = head + struct.pack(order + "IH", 8, 1) + entry + bytes(4)
            data = encode(ramps(), "JPEG", exif=b"Exif\0\0" + exif, quality=95)
            assert np.abs(np.asarray(decode(data)) - turned).mean() < 2
