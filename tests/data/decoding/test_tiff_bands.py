"""TIFFs of many bands, separate planes, signed values: which bands, and which levels."""

import io
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image

from pawsight.data.decoding.decode import decode
from pawsight.data.decoding.tiff_bands import is_kind_of_bands, needs_bands, read_bands
from pawsight.data.pixel_scale import NoScaleError, PixelScale
from pawsight.errors import PhotoError

SHAPE = (4, 6)
WIDE = PixelScale(ranges={"uint16": (0.0, 4080.0)})  # 16 values a level
PLAIN = PixelScale()


def planes(*values, dtype=np.uint16):
    return np.stack([np.full(SHAPE, value, dtype) for value in values])


def tiff(array, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, array, **options)
    return file.getvalue()


def contiguous(*values, dtype=np.uint16, **options):
    options = {"photometric": "minisblack", "planarconfig": "contig"} | options
    return tiff(np.moveaxis(planes(*values, dtype=dtype), 0, -1), **options)


def pixel(data, scale=WIDE):
    """The mode of the image, and the levels of its first pixel; all pixels are alike."""
    image = read_bands(data, scale).image
    array = np.asarray(image)
    assert image.size == (6, 4)
    assert (array == array[0, 0]).all()
    return image.mode, np.atleast_1d(array[0, 0]).tolist()


@pytest.mark.parametrize("planarconfig", ["contig", "separate"])
def test_three_bands_are_red_green_and_blue(planarconfig):
    array = planes(160, 1600, 4080)
    if planarconfig == "contig":
        array = np.moveaxis(array, 0, -1)
    data = tiff(array, photometric="rgb", planarconfig=planarconfig)
    assert pixel(data) == ("RGB", [10, 100, 255])


def test_three_bands_of_black_and_white_are_colours_too():
    assert pixel(contiguous(160, 1600, 4080)) == ("RGB", [10, 100, 255])


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("unassalpha", ("RGBA", [10, 100, 255, 128])),  # 32896 of 65535
        ("assocalpha", ("RGBA", [10, 100, 255, 128])),
        ("unspecified", ("RGB", [10, 100, 255])),
    ],
)
def test_the_fourth_band_of_colours_is_opacity_where_the_file_declares_it(extra, expected):
    data = contiguous(160, 1600, 4080, 32896, photometric="rgb", extrasamples=[extra])
    assert pixel(data) == expected


@pytest.mark.parametrize("extra", ["unassalpha", "assocalpha"])
def test_the_second_band_of_grey_is_opacity_where_the_file_declares_it(extra):
    assert pixel(contiguous(1600, 65535, extrasamples=[extra])) == ("LA", [100, 255])


@pytest.mark.parametrize(("values", "count"), [((1, 2), 2), ((1, 2, 3, 4), 4), (range(13), 13)])
def test_bands_that_nothing_names_are_not_guessed(values, count):
    words = f"it has {count} bands: name one or three of them, such as --set pixels.bands=4,3,2"
    with pytest.raises(PhotoError, match=words):
        pixel(contiguous(*values))


@pytest.mark.parametrize(
    ("bands", "expected"),
    [((1,), ("L", [10])), ((4,), ("L", [255])), ((4, 2, 1), ("RGB", [255, 100, 10]))],
)
def test_bands_are_counted_from_one(bands, expected):
    scale = replace(WIDE, bands=bands)
    assert pixel(contiguous(160, 1600, 0, 4080), scale) == expected
    separate = tiff(planes(160, 1600, 0, 4080), photometric="minisblack", planarconfig="separate")
    assert pixel(separate, scale) == expected
    pages = tiff(planes(160, 1600, 0, 4080), photometric="minisblack")
    assert pixel(pages, scale) == expected


def test_a_band_beyond_the_last_is_named():
    scale = PixelScale(bands=(1, 2, 5))
    with pytest.raises(PhotoError, match="it has 4 bands, but band 5 was requested"):
        pixel(contiguous(1, 2, 3, 4), scale)
    with pytest.raises(PhotoError, match="it has 4 channels, but channel 5 was requested"):
        pixel(tiff(planes(1, 2, 3, 4), photometric="minisblack"), scale)


def test_pages_of_different_sizes_are_no_channels():
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for shape in ((4, 6), (6, 4)):
            writer.write(np.zeros(shape, np.uint16), photometric="minisblack")
    with pytest.raises(PhotoError, match="its channels are of different sizes"):
        read_bands(file.getvalue(), PixelScale(bands=(1, 2, 1)))


def test_a_volume_of_slices_is_no_photo():
    data = tiff(np.zeros((16, 16, 16), np.uint8), volumetric=True, tile=(16, 16, 16))
    with pytest.raises(PhotoError, match="a volume of many slices"):
        read_bands(data, PLAIN)


@pytest.mark.parametrize(
    ("dtype", "value", "scale", "level"),
    [
        (np.uint8, 77, PLAIN, 77),
        (np.int8, -64, PixelScale(ranges={"int8": (-128.0, 127.0)}), 64),
        (np.int16, -500, PixelScale(ranges={"int16": (-1000.0, 1000.0)}), 64),  # 63.75
        (np.float64, 0.2, PixelScale(ranges={"float": (0.0, 1.0)}), 51),
        (np.float32, np.nan, PixelScale(ranges={"float": (-1.0, 1.0)}), 0),
        (np.uint16, 65535, WIDE, 255),
    ],
)
def test_values_of_every_kind_become_levels_by_their_range(dtype, value, scale, level):
    data = tiff(np.full(SHAPE, value, dtype), photometric="minisblack")
    assert pixel(data, scale) == ("L", [level])


def test_bits_are_black_and_white():
    data = tiff(np.ones((8, 8), np.bool_), photometric="minisblack")
    assert (np.asarray(read_bands(data, PLAIN).image) == 255).all()


def test_values_without_a_range_are_described():
    data = tiff(np.array([[-1.5, np.inf, 900.25]], np.float32), photometric="minisblack")
    with pytest.raises(NoScaleError) as caught:
        read_bands(data, PLAIN)
    assert caught.value.samples == "float -1.5 900.25"
    scale = PixelScale(ranges={"float": (-1.5, 900.25)})
    assert read_bands(data, scale).samples == "float -1.5 900.25"
    assert np.asarray(read_bands(data, scale).image).tolist() == [[0, 0, 255]]


def test_complex_values_are_not_read():
    with pytest.raises(PhotoError, match="its values are of the kind complex64"):
        read_bands(tiff(np.zeros(SHAPE, np.complex64), photometric="minisblack"), PLAIN)


def test_what_was_not_measured_is_black():
    array = np.array([[-1.0, 0.0, 1.0]], np.float32)
    data = tiff(array, photometric="minisblack", extratags=[(42113, "s", 0, "1", True)])
    found = np.asarray(read_bands(data, PixelScale(ranges={"float": (-1.0, 1.0)})).image)
    assert found.tolist() == [[0, 128, 0]]  # 127.5 is rounded to even


def test_white_is_zero_where_the_file_declares_it():
    data = tiff(np.full(SHAPE, 1600, np.uint16), photometric="miniswhite")
    assert pixel(data) == ("L", [155])


def test_an_image_is_upright_and_keeps_its_profile():
    array = np.zeros((2, 3, 3), np.uint16)
    array[0, 0] = 4080  # white at the top left
    tags = [(274, "H", 1, 6, True), (34675, "B", 4, b"icc!", True)]
    image = read_bands(tiff(array, photometric="rgb", extratags=tags), WIDE).image
    assert image.size == (2, 3)
    assert np.asarray(image)[0, 1].tolist() == [255, 255, 255]  # 6: turned right
    assert image.info["icc_profile"] == b"icc!"


@pytest.mark.parametrize(
    ("data", "bands", "is_needed"),
    [
        (contiguous(1, 2, 3, photometric="rgb"), (), False),
        (tiff(planes(1, 2, 3), photometric="rgb", planarconfig="separate"), (), True),
        (
            tiff(planes(1, 2, 3, dtype=np.uint8), photometric="rgb", planarconfig="separate"),
            (),
            False,
        ),
        (tiff(np.zeros(SHAPE, np.int8), photometric="minisblack"), (), True),
        (tiff(np.zeros(SHAPE, np.int16), photometric="minisblack"), (), False),
        (tiff(np.zeros(SHAPE, np.uint16), photometric="minisblack"), (1,), False),
        (contiguous(1, 2, 3, photometric="rgb"), (1,), True),
        (tiff(planes(1, 2), photometric="minisblack"), (1,), True),
        (tiff(planes(1, 2), photometric="minisblack"), (), False),
    ],
)
def test_pillow_is_passed_by_where_it_would_give_wrong_values(data, bands, is_needed):
    with Image.open(io.BytesIO(data)) as image:
        assert needs_bands(image, PixelScale(bands=bands)) is is_needed


@pytest.mark.parametrize("values", [range(5), range(13)])
def test_many_planes_one_after_the_other_are_named_as_bands_and_not_as_damage(values):
    data = tiff(planes(*values), photometric="minisblack", planarconfig="separate")
    with pytest.raises(PhotoError, match=f"it has {len(values)} bands: name one or three"):
        decode(data)
    chosen = decode(data, scale=replace(WIDE, bands=(1, 2, 3)))
    assert chosen.getpixel((0, 0)) == (0, 0, 0)


def test_only_what_pillow_reports_of_such_tiffs_counts():
    assert is_kind_of_bands(SyntaxError("unknown pixel mode"))
    assert not is_kind_of_bands(SyntaxError("not a TIFF file (header b'' not valid)"))
