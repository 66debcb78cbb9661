"""The parts of the comparison of two photos, against plain definitions."""

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import map_coordinates, uniform_filter

from pawsight.data.duplicates import image_comparison
from pawsight.data.duplicates.image_comparison import (
    coarser,
    correlation,
    detail_similarity,
    luma,
    planes_of,
    same_picture,
)
from pawsight.data.duplicates.similarity_threshold import _threshold


def shapes(seed, cells=9):
    """RGB planes of soft coloured shapes, [1, 3, 32, 32]."""
    small = np.random.default_rng(seed).integers(0, 256, (cells, cells, 3), np.uint8)
    image = Image.fromarray(small).resize((32, 32), Image.Resampling.BICUBIC)
    return np.asarray(image, np.float32).transpose(2, 0, 1)[None]


def grey(planes):
    """Planes without their colours."""
    return np.repeat(luma(planes)[:, None], 3, axis=1)


def warped(planes, stretch, shift):
    """Planes seen through a frame that is (1 + stretch) as wide, moved by `shift` half sides."""
    places = ((1 + stretch) * ((np.arange(32) + 0.5) / 16 - 1) + shift + 1) * 16 - 0.5
    rows, columns = np.meshgrid(places, places, indexing="ij")
    return np.stack(
        [map_coordinates(plane, [rows, columns], order=1, mode="nearest") for plane in planes[0]]
    )[None].astype(np.float32)


def test_planes_are_the_colours_of_a_thumbnail_and_coarser_ones_their_means():
    thumbnail = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    row = np.zeros(2, [("thumbnail", np.uint8, (32, 32, 3))])
    row["thumbnail"] = thumbnail
    planes = planes_of(row)
    assert (planes[1, 2] == thumbnail[1, :, :, 2]).all()
    small = coarser(planes, 8)
    assert small.shape == (2, 3, 8, 8)
    assert small[1, 0, 7, 2] == pytest.approx(thumbnail[1, 28:, 8:12, 0].mean())
    # ITU-R BT.601.
    weights = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(luma(planes), thumbnail @ weights, rtol=1e-5)


def test_correlation_is_that_of_numpy():
    one, other = np.random.default_rng(0).normal(size=(2, 3, 8, 8)).astype(np.float32)
    expected = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(correlation(one, other), expected, rtol=1e-4)
    assert correlation(np.ones((1, 8, 8), np.float32), one[:1])[0] == 0  # nothing to correlate


def test_weights_leave_out_what_one_photo_does_not_show():
    one, other = np.random.default_rng(0).normal(size=(2, 1, 8, 8)).astype(np.float32)
    weights = np.zeros((1, 8, 8), np.float32)
    weights[:, 2:, :5] = 1
    expected = np.corrcoef(one[0, 2:, :5].ravel(), other[0, 2:, :5].ravel())[0, 1]
    found = image_comparison._correlation(one, other, weights)
    np.testing.assert_allclose(found, [expected], rtol=1e-4)


def test_detail_is_what_differs_from_the_mean_of_5_x_5_pixels():
    image = np.random.default_rng(0).normal(size=(1, 32, 32)).astype(np.float32)
    found = image_comparison._detail(image)
    expected = image[0] - uniform_filter(image[0], 5)
    np.testing.assert_allclose(found[0, 2:-2, 2:-2], expected[2:-2, 2:-2], atol=1e-5)
    assert found[0, 0, 0] == pytest.approx(image[0, 0, 0] - image[0, :3, :3].mean(), abs=1e-5)


@pytest.mark.parametrize(
    ("stretch", "shift"), [(0, 0), (0, 0.06), (0, -0.1), (0.1, 0), (-0.12, 0), (-0.1, 0.08)]
)
def test_a_photo_is_laid_onto_another_that_shows_more_or_less_of_it(stretch, shift):
    image = shapes(3)
    target = 0.8 * warped(image, stretch, shift) + 20  # of other contrast and brightness
    moved, inside = image_comparison._align(luma(target), luma(image))
    # The places seen that are on the image, -1..1.
    seen = (1 + stretch) * ((np.arange(32) + 0.5) / 16 - 1) + shift
    expected = np.outer(*[np.abs(seen) <= 1] * 2)
    assert (inside[0].astype(bool) == expected).mean() > 0.93
    inner = np.s_[0, 4:-4, 4:-4]
    assert np.abs(0.8 * moved[inner] + 20 - luma(target)[inner]).max() < 4
    assert detail_similarity(target, image)[0] > 0.95


def test_detail_of_different_pictures_is_not_alike():
    found = [detail_similarity(shapes(i), shapes(i + 50))[0] for i in range(10)]
    assert max(found) < 0.6


LEAST = np.array([0.65], np.float32)
NEVER = np.array([2.0], np.float32)


@pytest.mark.parametrize(("levels", "is_same"), [(1.45, True), (1.55, False)])
def test_plain_pictures_are_the_same_that_differ_by_less_than_one_and_a_half_levels(
    levels, is_same
):
    plain = np.full((1, 3, 32, 32), 120, np.float32)
    assert same_picture(plain, plain + np.float32(levels), LEAST)[0] == is_same


def test_a_picture_that_was_moved_is_the_same_unless_that_is_usual():
    one = grey(shapes(5))
    other = warped(one, -0.08, 0.04)
    assert same_picture(one, other, LEAST)[0]
    assert not same_picture(one, other, NEVER)[0]
    assert same_picture(one, 0.9 * one + 12, NEVER)[0]  # brightened, and not moved
    assert not same_picture(one, grey(shapes(6)), LEAST)[0]


def test_a_sign_that_was_moved_has_too_little_detail_to_tell():
    sign = np.full((1, 3, 32, 32), 120, np.float32)
    sign[:, :, 10:14, 10:14] = grey(shapes(7, cells=16))[:, :, 10:14, 10:14]
    other = warped(sign, -0.08, 0.04)
    assert detail_similarity(sign, other)[0] > 0.9
    assert not same_picture(sign, other, LEAST)[0]


@pytest.mark.parametrize(("num_columns", "is_same"), [(16, True), (32, False)])
def test_a_fifth_of_the_blocks_may_show_something_else(num_columns, is_same):
    # Two of 16 blocks, and four; the rest is equal.
    one, other = shapes(8, cells=16), shapes(8, cells=16).copy()
    other[:, :, :8, :num_columns] = shapes(9, cells=16)[:, :, :8, :num_columns]
    assert same_picture(one, other, np.array([0.3], np.float32))[0] == is_same


def test_a_grey_copy_is_the_same_and_one_in_other_colours_is_not():
    one = shapes(10)
    assert same_picture(one, grey(one), LEAST)[0]
    # Red and blue change places; the luma is made equal again.
    swapped = one[:, ::-1]
    swapped = swapped + (luma(one) - luma(swapped))[:, None]
    assert not same_picture(one, swapped, LEAST)[0]


@pytest.mark.parametrize(
    ("usual", "limit"),
    [
        ([0.0] * 9, 0.65),  # never below what shows a copy anywhere
        # Median 0.3; half of the others are up to 0.05 away: 0.3 + 6 x 1.4826 x 0.05.
        ([0.1, 0.25, 0.28, 0.3, 0.32, 0.35, 0.5], 0.3 + 6 * 1.4826 * 0.05),
        ([0.5, 0.6, 0.7, 0.8, 0.9], 1.0),  # only copies that were not moved
        ([0.9] * 5, 0.9),
        ([0.91] * 5, 2.0),  # so alike that only equal bytes make copies
    ],
)
def test_what_is_significant_stands_out_from_what_is_usual(usual, limit):
    assert _threshold(np.array(usual)) == pytest.approx(limit)
