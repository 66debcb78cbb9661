"""Affine maps, edges and interpolation, by numbers worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from pawsight.pipeline.warp import IDENTITY, _fold, compose, warp

# Pixel (row, column) has the value 10 * row + column.
GRID = np.add.outer(10.0 * np.arange(3), np.arange(4)).astype(np.float32)
PHOTO = np.repeat(GRID[None, :, :, None], 3, axis=3)


def warped(affine, fill_mode="nearest", cval=0.0, size=None):
    """One channel of the warped photo."""
    found = warp(tf.constant(PHOTO), affine, fill_mode, cval, size).numpy()
    assert found.dtype == np.float32
    assert (found == found[..., :1]).all()
    return found[0, :, :, 0].tolist()


def test_the_inner_map_comes_first():
    outer, inner = (2.0, 3.0, 5.0, 7.0, 11.0, 13.0), (17.0, 19.0, 23.0, 29.0, 31.0, 37.0)
    # x = 2 (17 x + 19 y + 23) + 3 (29 x + 31 y + 37) + 5, and y with 7, 11 and 13.
    assert compose(outer, inner) == (121, 131, 162, 438, 474, 581)
    assert compose(outer, IDENTITY) == compose(IDENTITY, outer) == outer


def test_each_result_is_taken_from_where_its_map_points():
    assert warped(IDENTITY) == GRID.tolist()
    assert warped((1, 0, 1, 0, 1, 1), size=(2, 3)) == [[11, 12, 13], [21, 22, 23]]
    # x = y, y = x: the transposed photo.
    assert warped((0, 1, 0, 1, 0, 0), size=(3, 3)) == [[0, 10, 20], [1, 11, 21], [2, 12, 22]]
    # A quarter of a pixel to the right and half a pixel down, of values that grow evenly.
    assert warped((1, 0, 0.25, 0, 1, 0.5), size=(2, 3)) == [
        [5.25, 6.25, 7.25],
        [15.25, 16.25, 17.25],
    ]


@pytest.mark.parametrize(
    ("fill_mode", "expected"),
    [
        ("nearest", [0, 0, 0, 1, 2, 3, 3, 3]),
        ("constant", [99, 99, 0, 1, 2, 3, 99, 99]),
        ("reflect", [1, 0, 0, 1, 2, 3, 3, 2]),
        ("wrap", [1, 2, 0, 1, 2, 3, 1, 2]),  # the last pixel and the first share a place
    ],
)
def test_what_is_outside_follows_the_fill_mode(fill_mode, expected):
    assert warped((1, 0, -2, 0, 1, 0), fill_mode, 99.0, (1, 8)) == [expected]
    # Down, for 3 rows, the same rules hold.
    column = np.ravel(warped((1, 0, 0, 0, 1, -1), fill_mode, 99.0, (5, 1))).tolist()
    edges = {"nearest": (0, 20), "constant": (99, 99), "reflect": (0, 20), "wrap": (10, 10)}
    first, last = edges[fill_mode]
    assert column == [first, 0, 10, 20, last]


@pytest.mark.parametrize(
    ("fill_mode", "coordinate", "expected"),
    [
        ("nearest", -0.4, 0.0),
        ("nearest", 3.4, 3.0),
        ("reflect", -1.25, 0.25),
        ("reflect", 3.75, 3.0),  # within the outer half of the last pixel
        ("reflect", 4.5, 2.5),
        ("reflect", 8.25, 0.25),  # a period of 8
        ("wrap", -0.25, 2.75),
        ("wrap", 3.25, 0.25),
        ("wrap", 6.5, 0.5),
        ("wrap", -3.5, 2.5),
    ],
)
def test_coordinates_outside_four_pixels_are_folded_into_them(fill_mode, coordinate, expected):
    folded, outside = _fold(tf.constant([coordinate, 1.5]), tf.constant(4), fill_mode)
    assert folded.numpy() == pytest.approx([expected, 1.5])
    assert outside.numpy().tolist() == [True, False]


@pytest.mark.parametrize(("coordinate", "is_outside"), [(0, False), (3, False), (-0.01, True)])
def test_the_centres_of_the_edge_pixels_are_inside(coordinate, is_outside):
    _, outside = _fold(tf.constant([float(coordinate)]), tf.constant(4), "constant")
    assert outside.numpy().tolist() == [is_outside]


def test_each_photo_has_a_map_of_its_own():
    photos = tf.constant(np.concatenate([PHOTO, PHOTO + 100]))
    shifts = (1.0, 0.0, tf.constant([1.0, 2.0]), 0.0, 1.0, 0.0)
    found = warp(photos, shifts, "nearest", 0.0).numpy()[..., 0]
    assert found[:, 0].tolist() == [[1, 2, 3, 3], [102, 103, 103, 103]]
