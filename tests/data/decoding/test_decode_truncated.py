import io

import numpy as np
import pytest
from PIL import Image

from pawsight.data.decoding import truncated_jpeg
from pawsight.data.decoding.decode import decode, examine, load_pixels
from pawsight.data.decoding.jpeg_segments import Scan
from pawsight.data.decoding.truncated_jpeg import measure_intact_part, with_end
from pawsight.errors import PhotoError


def waves(width: int = 400, height: int = 300) -> Image.Image:
    """A smooth picture without any exact mid-grey area, as much detail above as below."""
    yy, xx = np.mgrid[0:height, 0:width]
    channels = [np.sin(xx / 9 + k) * 60 + np.cos(yy / 7 - k) * 50 + 128 for k in range(3)]
    return Image.fromarray(np.stack(channels, -1).astype(np.uint8))


def jpeg(mode: str = "RGB", image: Image.Image | None = None, **options: object) -> bytes:
    file = io.BytesIO()
    (image or waves()).convert(mode).save(file, "JPEG", quality=90, **options)
    return file.getvalue()


ONE_PASS = {
    "baseline": jpeg(),
    "4:4:4": jpeg(subsampling=0),
    "restart markers": jpeg(restart_marker_blocks=10),
    "a restart a row": jpeg(restart_marker_rows=1),
    "grey": jpeg("L"),
    "CMYK": jpeg("CMYK"),
}


@pytest.mark.parametrize("kind", ONE_PASS)
@pytest.mark.parametrize("image_size", [(30, 40), (300, 400)], ids=["drafted", "in full"])
def test_a_jpeg_cut_near_its_end_is_kept_and_the_part_there_is_reported(kind, image_size):
    # Each row of the picture takes about as many bytes as any other.
    data = ONE_PASS[kind]
    facts, pixels = examine(data[: int(len(data) * 0.9)], image_size, "stretch", True)
    words, share = facts.flaw.split("; ")
    assert words == "file ends too early" and share.endswith(" % of it is intact")
    percent = int(share.split()[0])
    assert 85 <= percent <= 94
    num_readable = image_size[0] * percent // 100
    whole = load_pixels(data, image_size, "stretch")
    upper = slice(0, num_readable - image_size[0] // 15)
    assert np.abs(pixels[upper].astype(int) - whole[upper]).max() <= 1
    missing = 64 if kind == "CMYK" else 128  # half of each of two inks, one over the other
    assert (np.abs(pixels[num_readable + image_size[0] // 15 :].astype(int) - missing) <= 1).all()
    assert (facts.width, facts.height) == (400, 300)


@pytest.mark.parametrize("kind", ONE_PASS)
def test_a_jpeg_with_too_few_rows_is_left_out_even_if_cut_ones_are_kept(kind):
    data = ONE_PASS[kind]
    with pytest.raises(PhotoError, match=r"^file ends too early \([56]\d % of it is intact\)$"):
        decode(data[: int(len(data) * 0.65)], keep_truncated=True)


def test_a_cut_jpeg_is_left_out_unless_asked_for():
    data = jpeg()[:-400]
    expected = r"^file ends too early \(9\d % of it is intact\)$"
    for read in (decode, lambda cut: load_pixels(cut, (30, 40), "pad")):
        with pytest.raises(PhotoError, match=expected):
            read(data)


def test_a_cut_jpeg_is_never_reported_as_whole():
    assert measure_intact_part(decode(jpeg()), jpeg()[:-2]).text == "99 % of it is intact"


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_progressive_jpeg_cut_in_a_late_scan_is_whole_but_coarser(mode):
    data = jpeg(mode, progressive=True)
    facts, pixels = examine(data[: int(len(data) * 0.9)], (300, 400), "stretch", True)
    assert facts.flaw == "file ends too early; all rows are there, without the finest detail"
    whole = load_pixels(data, (300, 400), "stretch").astype(int)
    assert 0 < np.abs(pixels - whole).mean() < 8


@pytest.mark.parametrize("share", [0.05, 0.15])
def test_a_progressive_jpeg_cut_in_an_early_scan_is_a_blur_and_left_out(share):
    data = jpeg(progressive=True)
    first_scan = data.index(b"\xff\xda")
    cut = data[: first_scan + int((len(data) - first_scan) * share)]
    with pytest.raises(
        PhotoError, match=r"^file ends too early \(only a blurred version of it is there\)$"
    ):
        decode(cut, keep_truncated=True)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_progressive_jpeg_is_understood_wherever_it_is_cut(mode):
    small = waves(48, 32)
    data = jpeg(mode, small, progressive=True)
    for length in range(data.index(b"\xff\xda") + 14, len(data)):
        with pytest.raises(PhotoError, match=r"^file ends too early \((only|all|\d+ %) .*\)$"):
            decode(data[:length])


@pytest.mark.parametrize("filler", [b"\0", b"\xff"])
def test_a_file_whose_end_was_never_written_counts_as_cut(filler):
    data = jpeg()
    kept = int(len(data) * 0.9)
    flaw = examine(data[:kept] + filler * (len(data) - kept), (60, 80), "stretch", True)[0].flaw
    assert flaw == examine(data[:kept], (60, 80), "stretch", True)[0].flaw != ""


def test_a_turned_jpeg_that_is_cut_comes_out_upright():
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down: the missing rows are those at the top
    data = jpeg(exif=exif, image=waves().transpose(Image.Transpose.ROTATE_180))
    facts, pixels = examine(data[: int(len(data) * 0.9)], (300, 400), "stretch", True)
    assert facts.flaw
    assert (pixels[:10] == 128).all()
    assert np.abs(pixels[100:].astype(int) - np.asarray(waves())[100:]).mean() < 6


def test_a_jpeg_cut_before_its_picture_begins_has_nothing_to_keep():
    data = jpeg()
    for length in (3, 10, data.index(b"\xff\xda"), data.index(b"\xff\xda") + 8):
        with pytest.raises(PhotoError, match=r"^(file ends too early|damaged JPEG data)"):
            decode(data[:length], keep_truncated=True)


def test_a_whole_jpeg_has_no_flaw_whatever_the_setting():
    for data in (*ONE_PASS.values(), jpeg(progressive=True)):
        for keep in (False, True):
            assert examine(data, (30, 40), "stretch", keep)[0].flaw == ""


def test_a_cut_file_of_another_format_is_left_out():
    file = io.BytesIO()
    waves().save(file, "PNG")
    with pytest.raises(PhotoError, match="ends too early"):
        decode(file.getvalue()[:-3000], keep_truncated=True)


def test_the_end_goes_after_the_last_byte_of_the_picture():
    assert with_end(b"abc\0\0\0\0") == b"abc\xff\xd9"
    assert with_end(b"abc\xff\xff") == b"abc\xff\xd9"


MEANS, LUMA, CHROMA = Scan((1, 2, 3), 0, 0), Scan((1,), 1, 5), Scan((2,), 1, 63)


@pytest.mark.parametrize(
    ("passes", "is_blurred", "is_enough"),
    [
        ([Scan((1, 2, 3), 0, 63)], False, True),
        ([Scan((1, 2), 0, 63)], True, False),  # not all colours are in the one scan
        ([Scan((1, 2, 3), 0, 62)], True, False),
        ([MEANS, LUMA, CHROMA], True, True),
        ([MEANS, LUMA], True, False),  # the last scan is cut
        ([MEANS, CHROMA, LUMA], True, False),  # detail of colours tells no shapes
        ([Scan((1,), 0, 0), LUMA, CHROMA], True, False),  # two colours have no means
        ([], True, False),
    ],
)
def test_passes_are_enough_with_all_means_and_some_detail_of_the_luma(
    monkeypatch, passes, is_blurred, is_enough
):
    monkeypatch.setattr(truncated_jpeg, "scans", lambda data: passes)
    monkeypatch.setattr(truncated_jpeg, "num_components", lambda data: 3)
    remains = measure_intact_part(Image.new("L", (8, 100), 200), b"")
    assert (remains.share, remains.is_blurred, remains.is_enough) == (1, is_blurred, is_enough)
    # A row that is missing: what comes in passes is not whole.
    image = Image.new("L", (8, 100), 200)
    image.paste(128, (0, 99, 8, 100))
    remains = measure_intact_part(image, b"")
    assert (remains.share, remains.is_enough) == (0.99, not is_blurred)


@pytest.mark.parametrize(
    ("mode", "grey", "missing", "share", "is_enough"),
    [
        ("L", 128, 25, 0.75, True),
        ("L", 128, 26, 0.74, False),
        ("L", 127, 26, 0.74, False),
        ("L", 126, 26, 1.0, True),
        ("L", 129, 26, 1.0, True),
        ("RGB", (128, 128, 128), 70, 0.3, False),
        ("RGB", (128, 128, 129), 70, 1.0, True),
        ("L", 128, 100, 0.0, False),
    ],
)
def test_rows_of_mid_grey_at_the_bottom_are_missing(
    monkeypatch, mode, grey, missing, share, is_enough
):
    colours = len(mode)
    monkeypatch.setattr(
        truncated_jpeg, "scans", lambda data: [Scan(tuple(range(1, colours + 1)), 0, 63)]
    )
    monkeypatch.setattr(truncated_jpeg, "num_components", lambda data: colours)
    image = Image.new(mode, (5, 100), 0)
    image.paste(grey, (0, 0, 5, 3))  # grey above is a part of the picture
    image.paste(0, (0, 3, 5, 4)) if missing < 100 else image.paste(grey, (0, 0, 5, 100))
    image.paste(grey, (0, 100 - missing, 5, 100))
    remains = measure_intact_part(image, b"")
    assert (remains.share, remains.is_enough) == (pytest.approx(share), is_enough)


def test_what_is_there_is_reported_in_whole_percent():
    assert truncated_jpeg.IntactPart(0.917, False, True).text == "91 % of it is intact"
    assert truncated_jpeg.IntactPart(0.999, False, True).text == "99 % of it is intact"
    assert truncated_jpeg.IntactPart(1.0, False, True).text == "99 % of it is intact"
    assert (
        truncated_jpeg.IntactPart(1.0, True, True).text
        == "all rows are there, without the finest detail"
    )
    assert (
        truncated_jpeg.IntactPart(0.5, True, False).text == "only a blurred version of it is there"
    )
