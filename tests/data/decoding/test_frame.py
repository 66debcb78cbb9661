"""When a photo that was decoded for one size would be decoded alike for another."""

import pytest
from PIL import Image

from pawsight.data.decoding.frame import Frame, is_same_frame


def frame(kind, width, height):
    return Frame(Image.new("RGB", (1, 1)), kind, (width, height), "")


def goal(side, resize="stretch"):
    return (side, side), resize


@pytest.mark.parametrize(
    ("kind", "size", "one", "other", "is_same"),
    [
        # A JPEG is decoded at 1/1, 1/2, 1/4 or 1/8, whichever is the least that is large enough.
        ("JPEG", (1600, 1600), goal(200), goal(180), True),  # 1/8 both
        ("JPEG", (1600, 1600), goal(200), goal(201), False),  # 1/8 and 1/4
        ("JPEG", (1600, 1600), goal(400), goal(401), False),
        ("JPEG", (1600, 1600), goal(801), goal(1600), True),  # 1/1
        ("JPEG", (1600, 400), goal(200), goal(180), True),  # the shorter side decides: 1/2
        ("MPO", (1600, 1600), goal(200), goal(201), False),
        ("RAW", (1600, 1600), goal(200), goal(201), False),
        # What is not scaled while it is decoded is reduced by a whole number, to twice the goal.
        ("PNG", (1600, 1600), goal(200), goal(199), True),  # 8 // 2 = 4
        ("PNG", (1600, 1600), goal(200), goal(201), False),  # 7 // 2 = 3
        ("PNG", (1600, 1600), goal(801), goal(1600), True),
        # An eighth of 6393 pixels is 800, rounded up, and a half of a half of that is enough.
        ("JPEG", (6393, 6393), goal(200), goal(199), True),
        ("JPEG2000", (1600, 1600), goal(200), goal(201), False),
        ("JPEG2000", (1600, 1600), goal(200), goal(200), True),
        # Padded, a photo of half the height needs but half the pixels.
        ("JPEG", (1600, 800), goal(200, "pad"), goal(200), False),
    ],
)
def test_photos_are_decoded_alike_for_goals_of_one_reduction(kind, size, one, other, is_same):
    assert is_same_frame(frame(kind, *size), one, other) is is_same
    assert is_same_frame(frame(kind, *size), other, one) is is_same
