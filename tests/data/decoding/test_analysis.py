"""What is compared of photos does not depend on the size that a network works on."""

import functools
import io

import numpy as np
import pytest
from PIL import Image

from pawsight.data.decoding.analysis import (
    ANALYSIS_SIZE,
    NUM_FIGURES,
    THUMBNAIL_SIDE,
    analyse,
    describe,
)
from pawsight.data.decoding.decode import load_pixels, survey


def photo(size, kind, mode="RGB", **options):
    """A photo of coarse shapes with grain."""
    rng = np.random.default_rng(sum(size))
    image = Image.fromarray(rng.integers(0, 256, (9, 11, 3), np.uint8)).resize(size)
    grain = rng.integers(-9, 9, (size[1], size[0], 3))
    noisy = np.clip(np.asarray(image, np.int16) + grain, 0, 255).astype(np.uint8)
    data = io.BytesIO()
    Image.fromarray(noisy).convert(mode).save(data, kind, **options)
    return data.getvalue()


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return photo((700, 330), "JPEG", exif=exif)


PHOTOS = {
    "small JPEG": lambda: photo((200, 170), "JPEG"),
    "medium JPEG": lambda: photo((500, 375), "JPEG"),
    "large JPEG": lambda: photo((1500, 900), "JPEG"),
    "huge JPEG": lambda: photo((3200, 2500), "JPEG"),
    "turned JPEG": lambda: turned(),
    "grey JPEG": lambda: photo((640, 480), "JPEG", "L"),
    "PNG with alpha": lambda: photo((900, 700), "PNG", "RGBA"),
    "palette PNG": lambda: photo((1100, 700), "PNG", "P"),
    "WebP": lambda: photo((500, 400), "WEBP"),
    "JPEG 2000": lambda: photo((1000, 800), "JPEG2000"),
    "narrow JPEG": lambda: photo((2000, 90), "JPEG"),
}


@functools.cache
def data_of(name):
    return PHOTOS[name]()


@functools.cache
def compared(name):
    """What is compared of a photo, and its pixels at that size."""
    _, found = survey(data_of(name), ANALYSIS_SIZE, "stretch")
    return found, load_pixels(data_of(name), ANALYSIS_SIZE, "stretch")


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("image_size", [(24, 24), (96, 128), (150, 150), (224, 224), (400, 300)])
@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_what_is_compared_is_the_same_for_every_working_size(name, image_size, resize):
    image, surveyed = survey(data_of(name), image_size, resize)

    other, pixels = compared(name)
    assert (surveyed.pixels == other.pixels).all()
    assert (surveyed.luma == other.luma).all()
    assert (surveyed.pixels == pixels).all()
    assert (np.asarray(image) == load_pixels(data_of(name), image_size, resize)).all()


def test_a_thumbnail_is_the_mean_of_the_pixels_below_it():
    image = np.zeros((*ANALYSIS_SIZE, 3), np.uint8)
    image[:5, :5] = 200  # 160 / 32 pixels a side
    image[-5:, -5:, 1] = np.arange(25).reshape(5, 5)  # mean 12
    (row,) = analyse(image[None])

    assert row["thumbnail"].shape == (THUMBNAIL_SIDE, THUMBNAIL_SIDE, 3)
    assert row["thumbnail"][0, 0].tolist() == [200, 200, 200]
    assert row["thumbnail"][-1, -1].tolist() == [0, 12, 0]
    assert row["thumbnail"].sum() == 612
    assert row["figures"].shape == (NUM_FIGURES,)


def test_figures_of_two_colours_side_by_side_are_those_of_hand():
    # 8 x 8 pixels: 4 columns of pure red (luma 77 * 255 >> 8 = 76), 4 of pure blue (28).
    image = np.zeros((1, 8, 8, 3), np.uint8)
    image[0, :, :4, 0], image[0, :, 4:, 2] = 255, 255
    even, gentle, hard, entropy, commonest = describe(image)[0]
    # Of 7 x 7 differences, one column of 7 is an edge of 255.
    assert (even, gentle, hard) == pytest.approx((6 / 7, 0, 1))
    # 4 of 7 columns are red, 3 blue.
    assert entropy == pytest.approx(-(4 / 7 * np.log2(4 / 7) + 3 / 7 * np.log2(3 / 7)))
    assert commonest == pytest.approx(1)


@pytest.mark.parametrize(
    ("colour", "shade"),
    # 77, 150 and 29 of 256, in steps of 4: 76, 149 and 28; green is the brightest.
    [((255, 0, 0), 76), ((0, 255, 0), 149), ((0, 0, 255), 28), ((255, 255, 255), 255)],
)
def test_luma_weighs_green_most_and_blue_least(colour, shade):
    # A colour and the grey of its luma are one shade: their picture has no entropy.
    image = np.full((1, 8, 8, 3), colour, np.uint8)
    image[0, :, 4:] = shade
    assert describe(image)[0, 3] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (0, (1, 0, 0)),
        (2, (1, 0, 0)),
        (3, (0, 1, 0)),
        (24, (0, 1, 0)),
        (25, (0, 0, 0)),
        (80, (0, 0, 0)),
        (81, (0, 0, 1)),
    ],
)
def test_differences_are_even_gentle_or_hard(step, expected):
    image = np.full((1, 8, 8, 3), 100, np.uint8)
    image[0, ::2, ::2] += np.uint8(step)
    image[0, 1::2, 1::2] += np.uint8(step)
    assert describe(image)[0, :3] == pytest.approx(expected)


@pytest.mark.parametrize(("level", "share"), [(15, 0), (16, 1)])
def test_even_areas_of_black_do_not_count(level, share):
    assert describe(np.full((1, 8, 8, 3), level, np.uint8))[0, 0] == share
