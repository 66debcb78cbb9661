import io
import os
import struct
import threading
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from pawsight.data.decoding.decode import decode, examine, load_pixels, read_photo
from pawsight.data.pixel_scale import PixelScale
from pawsight.errors import PhotoError

RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)
_T = Image.Transpose
# How an upright photo is in a file with each EXIF orientation: the inverse of what it asks for.
STORED = {
    1: None,
    2: _T.FLIP_LEFT_RIGHT,
    3: _T.ROTATE_180,
    4: _T.FLIP_TOP_BOTTOM,
    5: _T.TRANSPOSE,
    6: _T.ROTATE_90,
    7: _T.TRANSVERSE,
    8: _T.ROTATE_270,
}


def quarters(width: int = 60, height: int = 40) -> Image.Image:
    """Four colours: red and green above, blue and yellow below."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = RED
    pixels[: height // 2, width // 2 :] = GREEN
    pixels[height // 2 :, : width // 2] = BLUE
    pixels[height // 2 :, width // 2 :] = YELLOW
    return Image.fromarray(pixels)


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def assert_close(image: Image.Image, expected: Image.Image, tolerance: float = 3) -> None:
    """Compare the mean difference per channel, which a lossy format leaves small."""
    assert image.mode == "RGB"
    assert image.size == expected.size
    difference = np.abs(np.asarray(image, int) - np.asarray(expected.convert("RGB"), int))
    assert difference.mean() <= tolerance


def noise(width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


LOSSLESS = ["PNG", "GIF", "BMP", "TIFF", "PPM", "QOI", "TGA", "SGI", "PCX"]


@pytest.mark.parametrize("kind", LOSSLESS)
def test_a_lossless_format_gives_back_the_very_pixels(kind):
    image = quarters()
    data = encode(image.quantize(4) if kind == "GIF" else image, kind)
    assert_close(decode(data), image, tolerance=0)
    assert examine(data, (40, 60), "stretch")[0].format == kind


@pytest.mark.parametrize("kind", ["JPEG", "MPO", "WEBP", "AVIF", "HEIF", "JPEG2000"])
def test_a_lossy_format_gives_nearly_the_same_pixels(kind):
    data = encode(quarters(), kind, **({} if kind == "JPEG2000" else {"quality": 95}))
    assert_close(decode(data), quarters(), tolerance=6)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_a_photo_comes_out_upright_whatever_its_exif_orientation(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    turn = STORED[orientation]
    stored = quarters() if turn is None else quarters().transpose(turn)
    data = encode(stored, kind, exif=exif.tobytes() if kind == "HEIF" else exif, quality=95)
    assert_close(decode(data), quarters(), tolerance=6)
    facts, pixels = examine(data, (20, 30), "stretch")
    assert (facts.width, facts.height) == (60, 40)
    assert_close(Image.fromarray(pixels), quarters(30, 20), tolerance=12)


def test_a_turned_jpeg_that_is_decoded_smaller_is_upright_too():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(quarters(1200, 800).transpose(_T.ROTATE_90), "JPEG", exif=exif, quality=95)
    facts, pixels = examine(data, (100, 150), "stretch")
    assert (facts.width, facts.height) == (1200, 800)
    assert_close(Image.fromarray(pixels), quarters(150, 100), tolerance=3)


def test_damaged_exif_data_does_not_make_a_damaged_photo():
    data = encode(quarters(), "JPEG", quality=95, exif=b"Exif\x00\x00MM\x00*\x00\x00\xff\xff")
    assert_close(decode(data), quarters(), tolerance=6)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("1", (4, 4), 1), (255, 255, 255)),
        (Image.new("L", (4, 4), 77), (77, 77, 77)),
        (Image.new("RGBA", (4, 4), (255, 0, 0, 0)), (255, 255, 255)),
        (Image.new("RGBA", (4, 4), (0, 0, 0, 51)), (204, 204, 204)),  # 51 / 255 is a fifth
        (Image.new("LA", (4, 4), (0, 51)), (204, 204, 204)),
        (Image.fromarray(np.full((4, 4), 0x8000, np.uint16)), (128, 128, 128)),
        (Image.fromarray(np.full((4, 4), 0xFFFF, np.uint16)), (255, 255, 255)),
    ],
    ids=["1", "L", "transparent", "a fifth", "LA", "16-bit grey", "16-bit white"],
)
def test_a_png_of_any_mode_becomes_rgb_on_white(image, expected):
    assert np.unique(np.asarray(decode(encode(image, "PNG"))).reshape(-1, 3), axis=0).tolist() == [
        list(expected)
    ]


def test_a_transparent_palette_colour_becomes_white():
    image = quarters().quantize(4)
    transparent = image.getpixel((0, 0))
    for kind in ("PNG", "GIF"):
        pixels = np.asarray(decode(encode(image, kind, transparency=transparent)))
        assert pixels[0, 0].tolist() == [255, 255, 255]
        assert pixels[0, -1].tolist() == list(GREEN)


def test_a_transparent_key_colour_becomes_white():
    pixels = np.asarray(decode(encode(quarters(), "PNG", transparency=RED)))
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[-1, -1].tolist() == list(YELLOW)


def test_cmyk_jpeg_has_the_colours_of_its_inks():
    # Full cyan and nothing else is (0, 255, 255) on the screen.
    data = encode(Image.new("CMYK", (32, 32), (255, 0, 0, 0)), "JPEG", quality=95)
    assert np.asarray(decode(data)).reshape(-1, 3).mean(0) == pytest.approx([0, 255, 255], abs=3)


def test_float_grey_is_scaled_by_the_rule_of_its_set():
    scale = PixelScale(ranges={"float": (0.0, 200.0)})
    for values, expected in (
        ([0.0, 0.5, 1.0], [0, 1, 1]),
        ([0.0, 100.0, 200.0], [0, 128, 255]),
        ([-1.0, 400.0, np.nan], [0, 255, 0]),
    ):
        data = encode(Image.fromarray(np.array([values], np.float32)), "TIFF")
        assert np.asarray(decode(data, scale=scale))[0, :, 0].tolist() == expected
        with pytest.raises(PhotoError, match="it is unknown which is white"):
            decode(data)


def test_the_first_frame_of_an_animation_is_the_photo():
    frames = [Image.new("RGB", (20, 20), colour) for colour in (RED, BLUE)]
    for kind in ("GIF", "PNG", "WEBP", "TIFF", "AVIF"):
        data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
        red, _, blue = np.asarray(decode(data)).reshape(-1, 3).mean(0)
        assert red > 240 and blue < 15, kind


def test_a_colour_profile_is_converted_to_srgb():
    # Lab's L = 100, a = b = 0 is white; as plain bytes (255, 128, 128) it would be pink.
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    swapped = _swap_red_and_green(profile.tobytes())
    data = encode(Image.new("RGB", (8, 8), RED), "PNG", icc_profile=swapped)
    red, green, blue = np.asarray(decode(data)).reshape(-1, 3).mean(0)
    assert green > 200 and red < 60 and blue < 60


def _swap_red_and_green(profile: bytes) -> bytes:
    """Exchange the primaries rXYZ and gXYZ, and give the profile another name."""
    swapped = profile.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")
    return swapped.replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))


def test_a_damaged_colour_profile_does_not_make_a_damaged_photo():
    data = encode(quarters(), "PNG", icc_profile=b"no profile at all")
    assert_close(decode(data), quarters(), tolerance=0)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "HEIF"])
def test_a_file_cut_in_the_middle_ends_too_early_or_is_damaged(kind):
    image = noise(64, 64)
    data = encode(image.quantize(64) if kind == "GIF" else image, kind)
    with pytest.raises(PhotoError, match=r"ends too early|damaged"):
        decode(data[: len(data) // 2])


def test_a_cut_jpeg_has_a_plain_error():
    data = encode(noise(64, 64), "JPEG")
    with pytest.raises(PhotoError, match=r"^file ends too early \(4\d|5\d % of it is intact\)$"):
        decode(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"<!DOCTYPE html><html>404</html>", "not a photo: HTML text"),
        (b"\xef\xbb\xbf\n <html>", "not a photo: HTML text"),
        (b'<?xml version="1.0"?><svg/>', "not a photo: an SVG drawing"),
        (b"Dear diary, \xc3\xa9", "not a photo: text"),
        (b"%PDF-1.7", "not a photo: a PDF document"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 12345\n",
            "not a photo: a Git LFS pointer, in place of the photo; get the photos with: "
            "git lfs pull",
        ),
        (
            bytes(128) + b"DICM" + bytes(50),
            "it is a medical image (DICOM), which pawsight does not read; save it as PNG or TIFF",
        ),
        (bytes(5000), "not a photo: only zero bytes"),
        (b"\x93\x8a\x01\x02" * 50, "not a photo: unknown content"),
        (b"\xff", "not a photo: unknown content"),
        (b'{"error": "not found"}', "not a photo: text"),
        (b"\xff\xd8\xff\xe0 and no more", "file ends too early"),
        (b"\x89PNG\r\n\x1a\n and no more", "damaged PNG data"),
    ],
)
def test_what_is_no_photo_is_named(data, reason):
    with pytest.raises(PhotoError) as caught:
        decode(data)
    assert str(caught.value) == reason


def _png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [b"\x89PNG\r\n\x1a\n"]
    for name, body in ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"\0")), (b"IEND", b"")):
        parts += [
            struct.pack(">I", len(body)),
            name,
            body,
            struct.pack(">I", zlib.crc32(name + body)),
        ]
    return b"".join(parts)


def test_a_decompression_bomb_is_refused_by_its_header():
    with pytest.raises(PhotoError, match="more pixels than the limit"):
        decode(_png(60_000, 60_000))


def test_a_text_bomb_is_refused():
    bomb = zlib.compress(bytes(PngImagePlugin.MAX_TEXT_CHUNK + 1))
    with pytest.raises(PhotoError, match="embedded text is implausibly large"):
        decode(_png(8, 8, (b"zTXt", b"a\0\0" + bomb)))


def test_no_bytes_make_anything_but_a_photo_error_and_no_warning():
    rng = np.random.default_rng(0)
    samples = [
        encode(noise(40, 30), kind)
        for kind in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "PPM", "AVIF")
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for trial in range(300):
            data = bytearray(samples[trial % len(samples)])
            for place in rng.integers(0, len(data), 8):
                data[place] = rng.integers(0, 256)
            try:
                image = decode(bytes(data[: rng.integers(1, len(data) + 1)]))
            except PhotoError as error:
                assert str(error) and "\n" not in str(error)
            else:
                assert image.mode == "RGB"


def test_warnings_of_the_decoder_stay_inside_while_threads_decode():
    # EXIF data that points outside itself makes Pillow warn.
    entry = struct.pack("<HHII", 0x0112, 3, 0xFFFF, 0xFFFF)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)
    data = encode(quarters(), "JPEG", exif=exif)
    before = list(warnings.filters)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        threads = [
            threading.Thread(target=lambda: [decode(data) for _ in range(30)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert caught == []
    assert warnings.filters == before


def test_stretch_shows_the_whole_photo():
    pixels = load_pixels(encode(quarters(200, 100), "PNG"), (100, 100), "stretch")
    assert pixels.shape == (100, 100, 3)
    corners = [pixels[y, x].tolist() for y in (0, -1) for x in (0, -1)]
    assert corners == [list(RED), list(GREEN), list(BLUE), list(YELLOW)]
    assert pixels[0, 40].tolist() == list(RED)
    assert pixels[0, 60].tolist() == list(GREEN)


def test_crop_cuts_both_ends_off():
    # A stripe of 50 at each end of 200 x 100 is outside its middle 100 x 100.
    image = Image.new("RGB", (200, 100), RED)
    image.paste(GREEN, (50, 0, 150, 100))
    pixels = load_pixels(encode(image, "PNG"), (100, 100), "crop")
    assert (pixels == GREEN).all()


@pytest.mark.parametrize("short", [7, 14, 28, 55, 56])
def test_crop_finds_its_box_in_a_photo_of_any_size(short):
    assert short - 150 / (150 / short) < 0  # rounding would begin the box outside the photo
    for size in ((short, 2 * short), (2 * short, short)):
        data = encode(Image.new("RGB", size, RED), "PNG")
        assert (load_pixels(data, (150, 150), "crop") == RED).all()


def test_pad_adds_grey_bars():
    pixels = load_pixels(encode(Image.new("RGB", (200, 100), RED), "PNG"), (100, 100), "pad")
    assert (pixels[:25] == 128).all() and (pixels[75:] == 128).all()
    assert (pixels[25:75] == RED).all()


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (30, 20), (37, 211)])
def test_any_shape_of_photo_fills_any_working_size(size, resize):
    for kind in ("PNG", "JPEG"):
        data = encode(Image.new("RGB", size, (10, 20, 30)), kind)
        facts, pixels = examine(data, (48, 32), resize)
        assert pixels.shape == (48, 32, 3) and pixels.dtype == np.uint8
        assert (facts.width, facts.height) == size


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_a_large_jpeg_decoded_smaller_looks_like_one_decoded_in_full(resize):
    yy, xx = np.mgrid[0:900, 0:1300]
    smooth = np.stack([xx / 1300, yy / 900, (xx + yy) / 2200], -1) * 255
    image = Image.fromarray(smooth.astype(np.uint8))
    small = load_pixels(encode(image, "JPEG", quality=95), (150, 150), resize)
    full = load_pixels(encode(image, "PNG"), (150, 150), resize)
    assert np.abs(small.astype(int) - full.astype(int)).mean() < 2


def test_examine_gives_the_pixels_of_load_pixels():
    data = encode(noise(500, 375), "JPEG")
    for resize in ("stretch", "crop", "pad"):
        assert (examine(data, (50, 70), resize)[1] == load_pixels(data, (50, 70), resize)).all()


def test_facts_report_how_a_photo_looks():
    grey = examine(
        encode(Image.new("RGB", (100, 100), (200, 200, 200)), "PNG"), (64, 64), "stretch"
    )
    assert grey[0].brightness == 200
    assert grey[0].sharpness == 0
    assert grey[0].phash == "0" * 16  # no neighbour is brighter than another
    ramp = Image.linear_gradient("L").rotate(90).convert("RGB")  # brighter to the right
    assert examine(encode(ramp, "PNG"), (64, 64), "stretch")[0].phash == "f" * 16
    assert examine(encode(ramp.rotate(180), "PNG"), (64, 64), "stretch")[0].phash == "0" * 16


def test_sharpness_is_the_variance_of_the_laplacian():
    # Columns of 0 and 100 by turns, once the 160 x 160 pixels that facts are measured on are
    # halved: at each inner pixel the Laplacian is +200 or -200.
    stripes = np.zeros((160, 160, 3), np.uint8)
    stripes[:, 2::4] = stripes[:, 3::4] = 100
    facts, _ = examine(encode(Image.fromarray(stripes), "PNG"), (96, 96), "stretch")
    assert facts.sharpness == 200**2
    assert facts.brightness == 50


def test_read_photo_explains_why_it_could_not(tmp_path):
    with pytest.raises(PhotoError, match="file not found"):
        read_photo(tmp_path / "gone.jpg")
    with pytest.raises(PhotoError, match="not a file"):
        read_photo(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_read_photo_does_not_wait_for_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(PhotoError, match="not a file"):
        read_photo(tmp_path / "pipe.jpg")


def test_read_photo_tries_again_when_the_drive_stumbles(tmp_path, monkeypatch):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"abc")
    real, calls = os.open, []

    def stumbling(*args, **kwargs):
        calls.append(args)
        if len(calls) < 3:
            raise OSError(5, "Input/output error")
        return real(*args, **kwargs)

    monkeypatch.setattr(os, "open", stumbling)
    assert read_photo(path) == b"abc"
    assert len(calls) == 3


def test_read_photo_gives_up_when_the_drive_is_gone(tmp_path, monkeypatch):
    def broken(*args, **kwargs):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "open", broken)
    with pytest.raises(PhotoError, match="Input/output error"):
        read_photo(tmp_path / "photo.jpg")
