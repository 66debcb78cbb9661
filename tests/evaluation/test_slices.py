import json

import numpy as np
import pytest

from pawsight.evaluation.slices import slices
from pawsight.records import Photo, Predictions


def part(num, is_wrong, **facts):
    """Photos of cats with facts by their number, and predictions that are wrong where told."""
    values = {"width": 100, "height": 100, "contrast": 50.0, "sharpness": 500.0, "brightness": 90.0}
    photos = tuple(
        Photo(f"{i:03}.jpg", "cats", "test", **values | {k: v(i) for k, v in facts.items()})
        for i in range(num)
    )
    wrong = np.array([is_wrong(i) for i in range(num)])
    probs = np.where(wrong[:, None], [0.2, 0.8], [0.8, 0.2])
    paths = tuple(photo.path for photo in photos)
    found = Predictions(paths, np.zeros(num, np.int64), probs, ("cats", "dogs"))
    return found, {photo.path: photo for photo in photos}


def test_the_kind_with_the_lowest_accuracy_comes_first():
    # Of the 30 darkest of 90 photos 15 are wrong, of the other 60 none.
    found = slices(*part(90, lambda i: i < 15, brightness=float))

    assert [one.title for one in found] == ["the darkest third", "the brightest third"]
    worst = found[0]
    assert (worst.num_photos, worst.num_correct, worst.rest_accuracy) == (30, 15, 1.0)
    assert worst.interval == pytest.approx((0.332, 0.668), abs=0.001)  # Wilson: 1/2 +- 0.168
    assert worst.is_worse and not found[1].is_worse


def test_the_p_value_is_that_of_fishers_test_times_the_number_of_slices():
    # One mistake among 30 dark photos of 90: 30 of 90 by chance, times two slices.
    found = slices(*part(90, lambda i: i == 0, brightness=float))

    assert found[0].p_value == pytest.approx(2 / 3)
    assert not found[0].is_worse


@pytest.mark.parametrize("num", [0, 1, 19])
def test_too_few_photos_have_no_slices(num):
    assert slices(*part(num, lambda i: i < 5, brightness=float)) == []


def test_photos_that_do_not_differ_have_no_slices():
    assert slices(*part(90, lambda i: i < 15)) == []


def test_wide_and_tall_photos_are_slices_where_there_are_enough():
    found = slices(
        *part(40, lambda i: False, width=lambda i: 200 if i < 12 else 100 if i < 31 else 50)
    )

    # Nine tall ones are too few; a third by pixels is 12 of 40 or more of one number.
    assert "wide photos" in [one.title for one in found]
    assert "tall photos" not in [one.title for one in found]


def test_the_values_of_a_column_of_the_users_table_are_slices():
    # All 20 photos of site B are wrong, none of the 40 of site A and of the 3 of site C.
    found = slices(
        *part(
            63,
            lambda i: i < 20,
            columns=lambda i: json.dumps({"site": "B" if i < 20 else "A" if i < 60 else "C"}),
        )
    )

    assert [(one.title, one.num_photos, one.num_correct) for one in found] == [
        ("site: B", 20, 0),
        ("site: A", 40, 40),
    ]
    assert found[0].is_worse


def test_a_column_of_many_numbers_is_divided_into_thirds():
    found = slices(*part(60, lambda i: i < 5, columns=lambda i: json.dumps({"age": f"{i}"})))

    assert [one.title for one in found] == [
        "the third with the lowest age",
        "the third with the highest age",
    ]


def test_photos_of_one_camera_are_a_slice():
    found = slices(*part(40, lambda i: i < 5, camera=lambda i: "NIKON D70" if i < 15 else ""))

    assert [one.title for one in found] == ["camera: NIKON D70"]
