"""Values of more than 8 bits become levels by the two ends of their range."""

import numpy as np
import pytest
from PIL import Image

from pawsight.data.decoding.samples import (
    extremes,
    no_data_of,
    raw_mode_of,
    read_no_data,
    scale_values,
)


@pytest.mark.parametrize(
    ("values", "ends", "levels"),
    [
        ([0, 1000, 4000], (0, 4000), [0, 64, 255]),  # 63.75
        ([-10, 0, 10, 11, 12], (0, 10), [0, 0, 255, 255, 255]),
        ([100, 110, 120], (100, 120), [0, 128, 255]),  # 127.5 goes to the even number
        ([100, 110, 120], (120, 100), [255, 128, 0]),  # dark values are high
        ([5, 5], (5, 5), [0, 0]),  # no range at all
        ([np.nan, np.inf, -np.inf, 1], (0, 1), [0, 0, 0, 255]),
    ],
)
def test_values_between_the_ends_become_0_to_255(values, ends, levels):
    found = scale_values(np.array(values, np.float64), ends)
    assert (found.tolist(), found.dtype) == (levels, np.uint8)


@pytest.mark.parametrize(
    ("values", "no_data", "found"),
    [
        ([3, 1, 2], None, (1, 3)),
        ([3, 1, 2], 1, (2, 3)),
        ([3.5, np.nan, np.inf, -1], None, (-1, 3.5)),
        ([3.5, -9999, 2], -9999, (2, 3.5)),
        ([np.nan], None, None),
        ([7, 7], 7, None),
    ],
)
def test_extremes_are_those_of_what_was_measured(values, no_data, found):
    assert extremes(np.array(values), no_data) == found


@pytest.mark.parametrize(
    ("text", "number"), [("-9999\0", -9999.0), ("1e3 ", 1000.0), ("none", None), (None, None)]
)
def test_the_tag_of_what_was_not_measured_is_a_number(text, number):
    assert read_no_data(text) == number


def test_images_without_such_tags_have_none():
    image = Image.new("L", (2, 2))
    assert no_data_of(image) is None
    assert raw_mode_of(image) == ""


@pytest.mark.parametrize(
    ("args", "mode"), [("I;16B", "I;16B"), (("RGB;16B", 0, 1), "RGB;16B"), ((), ""), ((5,), "")]
)
def test_the_raw_mode_is_the_first_argument_of_the_decoder(args, mode):
    image = Image.new("L", (2, 2))
    image.tile = [("raw", (0, 0, 2, 2), 0, args)]
    assert raw_mode_of(image) == mode
