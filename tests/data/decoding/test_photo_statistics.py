"""How a photo looks in numbers, and that they are the same in whatever company it is measured."""

import math

import numpy as np
import pytest
from PIL import Image

from pawsight.data.decoding.photo_statistics import luma_of, measure


def plain(luma: np.ndarray) -> tuple[float, float, float]:
    """Brightness, sharpness and contrast by their definitions, in whole numbers."""
    values = luma.astype(np.int64)
    total, squares, size = int(values.sum()), int((values**2).sum()), values.size
    edges = 4 * values[1:-1, 1:-1]
    edges = edges - values[:-2, 1:-1] - values[2:, 1:-1] - values[1:-1, :-2] - values[1:-1, 2:]
    variance = 0.0
    if edges.size:
        variance = int((edges**2).sum()) / edges.size - (int(edges.sum()) / edges.size) ** 2
    contrast = math.sqrt(size * squares - total**2) / size
    return round(total / size, 2), round(variance, 2), round(contrast, 2)


@pytest.mark.parametrize(
    "shape", [(75, 75), (64, 127), (3, 3), (3, 4), (2, 5), (1, 1), (1, 60_000), (64, 4_000)]
)
def test_looks_are_as_defined_and_the_same_alone_and_together(shape):
    lumas = np.random.default_rng(0).integers(0, 256, (5, *shape), dtype=np.uint8)
    lumas[0], lumas[1] = 0, 255
    together = measure(lumas)
    assert together == [measure(luma[None])[0] for luma in lumas]
    assert [tuple(look[1:]) for look in together] == [plain(luma) for luma in lumas]


def test_contrast_is_the_standard_deviation_of_the_luma():
    luma = np.zeros((64, 64), np.uint8)
    luma[:, :32] = 100  # half 100 and half 0: 50 away from their mean
    (look,) = measure(luma[None])
    assert (look.brightness, look.contrast) == (50.0, 50.0)


def test_a_blank_photo_has_no_contrast_no_edges_and_no_bits():
    (look,) = measure(np.full((1, 64, 64), 77, np.uint8))
    assert look == ("0" * 16, 77.0, 0.0, 0.0)


def test_a_bit_is_one_where_the_right_neighbour_is_brighter():
    # Nine columns of 8 pixels; the fifth is darker than the fourth, all others brighter.
    steps = np.array([0, 20, 40, 60, 50, 70, 90, 110, 130], np.uint8)
    (look,) = measure(np.tile(np.repeat(steps, 8), (72, 1))[None])
    assert look.phash == f"{0b11101111:02x}" * 8


def test_what_does_not_change_the_rounded_means_does_not_change_the_bits():
    luma = np.full((72, 72), 100, np.uint8)
    luma[3, 60] = 101  # a 64th of a level in one cell of 9 x 8 pixels
    assert measure(luma[None])[0].phash == "0" * 16


def test_luma_is_shrunk_by_a_whole_number_to_64_to_127_pixels():
    assert luma_of(Image.new("RGB", (400, 200), "white")).shape == (67, 134)
    assert luma_of(Image.new("RGB", (127, 500))).shape == (500, 127)
    assert luma_of(Image.new("RGB", (10, 20))).shape == (20, 10)
