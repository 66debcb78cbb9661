"""Images of any mode become sRGB on white, shrunk where they are several times too large."""

import numpy as np
import pytest
from PIL import Image, ImageCms

from pawsight.data.decoding import colour
from pawsight.data.decoding.channels import largest_difference, luma_of_planes, planes_of
from pawsight.data.decoding.colour import to_srgb


@pytest.mark.parametrize(
    ("size", "least", "found"),
    [
        ((80, 60), (10, 10), (27, 20)),  # a third: 60 // 10 // 2
        ((80, 60), (10, 15), (40, 30)),  # a half
        ((80, 60), (10, 16), (80, 60)),
        ((60, 80), (15, 10), (30, 40)),
        ((80, 60), None, (80, 60)),
    ],
)
def test_a_large_image_is_shrunk_to_no_less_than_twice_what_is_needed(size, least, found):
    for mode in ("RGB", "L", "RGBA", "P"):
        assert to_srgb(Image.new(mode, size), least).size == found


def test_an_image_in_srgb_is_left_as_it_is():
    image = Image.new("RGB", (8, 6), "red")
    assert to_srgb(image) is image


def test_what_is_transparent_becomes_white():
    image = Image.new("RGBA", (3, 1))
    for x, alpha in enumerate((0, 128, 255)):
        image.putpixel((x, 0), (200, 0, 0, alpha))
    found = np.asarray(to_srgb(image))[0].tolist()
    # 128 of 255 of the red, and the rest white.
    assert found[0] == [255, 255, 255] and found[2] == [200, 0, 0]
    assert found[1] == pytest.approx([255 - 55 * 128 / 255, 127, 127], abs=1)
    palette = image.convert("P")
    palette.info["transparency"] = palette.getpixel((2, 0))
    assert np.asarray(to_srgb(palette))[0, 2].tolist() == [255, 255, 255]
    single = Image.new("RGB", (1, 1), (1, 2, 3))
    single.info["transparency"] = (1, 2, 3)
    assert np.asarray(to_srgb(single))[0, 0].tolist() == [255, 255, 255]


def test_strips_give_what_the_whole_gives(monkeypatch):
    image = Image.effect_noise((50, 37), 90)
    whole = to_srgb(image)
    monkeypatch.setattr(colour, "_STRIP_PIXELS", 50 * 5 + 3)  # five rows at a time
    assert [box[1::2] for box in colour.strips(image)][-2:] == [(30, 35), (35, 37)]
    assert to_srgb(image).tobytes() == whole.tobytes()
    monkeypatch.setattr(colour, "_STRIP_PIXELS", 10)  # at least one row
    assert to_srgb(image).tobytes() == whole.tobytes()
    plain = Image.new("RGB", (50, 37))
    assert to_srgb(plain) is plain


def profile_of(name):
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()


def test_colours_go_through_the_profile_of_the_image(monkeypatch):
    lab = Image.new("LAB", (1, 1), (255, 128, 128))
    assert np.asarray(to_srgb(lab))[0, 0].tolist() == pytest.approx([255, 255, 255], abs=2)
    image = Image.new("RGB", (1, 1), (10, 100, 200))
    for profile in (profile_of("sRGB"), b"damaged", b"", "text", None):
        image.info["icc_profile"] = profile
        assert np.asarray(to_srgb(image))[0, 0].tolist() == [10, 100, 200]
    used = []
    transform = Image.new("RGB", (1, 1), "red")

    class Transform:
        def apply(self, given):
            used.append(given.mode)
            return transform

    monkeypatch.setattr(colour, "_transform", lambda profile, mode: Transform())
    for size, is_used in ((1, True), (2**22, True), (2**22 + 1, False)):
        image.info["icc_profile"] = b"x" * size
        assert (to_srgb(image) is transform) is is_used


def test_luma_and_differences_of_channels():
    images = np.array([[[[255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]]]], np.uint8)
    planes = planes_of(images)
    assert planes.shape == (3, 1, 1, 4) and planes.flags.c_contiguous
    # The weights 77, 150 and 29 of 256.
    assert luma_of_planes(planes).ravel().tolist() == [
        255 * 256 // 256,
        255 * 77 // 256,
        255 * 150 // 256,
        255 * 29 // 256,
    ]
    others = planes_of(
        np.array([[[[250, 255, 255], [0, 9, 0], [0, 255, 7], [1, 2, 255]]]], np.uint8)
    )
    assert largest_difference(planes, others).ravel().tolist() == [5, 255, 7, 2]
    assert largest_difference(others, planes).ravel().tolist() == [5, 255, 7, 2]
