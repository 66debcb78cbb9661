from pathlib import Path

import numpy as np
import pytest

from pawsight.data.auditing.checks import CHECKS
from pawsight.data.auditing.facts import AuditFacts
from pawsight.data.auditing.file_cues import name_pattern
from pawsight.data.auditing.shortcuts import compare, find_shortcuts
from pawsight.data.catalog import Catalog
from pawsight.data.decoding.analysis import ROW, analyse
from pawsight.records import Photo
from pawsight.task import MULTI_LABEL

USUAL = {"width": 400, "height": 300, "format": "JPEG", "jpeg_quality": 90}


def photos(label, count=30, **facts):
    """Photos of a class; a fact may be a function of their number."""
    return [
        Photo(
            f"{label}/{i:03}.jpg",
            label,
            **{k: v(i) if callable(v) else v for k, v in (USUAL | facts).items()},
        )
        for i in range(count)
    ]


def found(*classes, **named):
    photos = tuple(photo for each in classes for photo in each)
    return find_shortcuts(Catalog("pets", Path("/photos"), photos, **named), None)


class Pictures:
    """Pixels of which only the analysis is asked."""

    image_size = (160, 160)

    def __init__(self, images):
        self.rows = analyse(images)

    def analysis(self, indices):
        return self.rows[indices]


def test_classes_made_alike_have_no_shortcut():
    assert found(photos("cats"), photos("dogs")) == []


@pytest.mark.parametrize(
    ("cue", "facts", "text"),
    [
        (
            "camera",
            {"camera": "NIKON D70"},
            "100 % of the photos of 'cats' are taken with NIKON D70, and 0 % of the others.",
        ),
        (
            "jpeg_quality",
            {"jpeg_quality": 60},
            "Photos of 'cats' are of a low JPEG quality, usually 60 against 90; this alone "
            "distinguishes a photo of 'cats' from another photo in 100 % of all pairs.",
        ),
        (
            "format",
            {"format": "PNG", "jpeg_quality": 0},
            "100 % of the photos of 'cats' are PNG files, and 0 % of the others.",
        ),
        (
            "aspect",
            {"width": 300, "height": 400},
            "Photos of 'cats' are tall, usually 0.75 times as wide as high against 1.33; this "
            "alone distinguishes a photo of 'cats' from another photo in 100 % of all pairs.",
        ),
    ],
)
def test_what_sets_a_class_apart_is_named(cue, facts, text):
    shortcuts = {one.cue: one for one in found(photos("cats", **facts), photos("dogs"))}
    assert shortcuts[cue].text == text
    assert (shortcuts[cue].label, abs(shortcuts[cue].effect)) == ("cats", 1)
    assert shortcuts[cue].p_value == 1 / 200  # none of 199 draws is as extreme


def test_each_cue_of_a_size_is_named_once():
    assert [one.cue for one in found(photos("cats", width=200, height=150), photos("dogs"))] == [
        "size"
    ]


def test_a_difference_in_fewer_than_half_of_the_photos_is_none():
    # 14 of 30 cats against none: an effect of 0.47.
    assert found(photos("cats", camera=lambda i: "D70" if i < 14 else ""), photos("dogs")) == []
    assert found(photos("cats", camera=lambda i: "D70" if i < 16 else ""), photos("dogs")) != []


def test_of_fewer_than_20_photos_nothing_is_said():
    assert found(photos("cats", 19, camera="D70"), photos("dogs", 40)) == []


def test_of_several_classes_the_others_are_named():
    catalog = Catalog(
        "pets",
        Path("/photos"),
        (*photos("ants"), *photos("bees"), *photos("cats", camera="D70"), *photos("dogs")),
    )
    (item,) = {check.id: check for check in CHECKS}["shortcuts"].find(AuditFacts(catalog))
    assert item.value == 1
    assert item.reason == (
        "Camera: 100 % of the photos of 'cats' are taken with D70, and 0 % of the others."
    )


def test_photos_with_several_labels_are_not_compared():
    assert found(photos("cats", camera="D70"), photos("dogs"), task=MULTI_LABEL) == []


def test_a_picture_is_compared_by_its_border():
    random = np.random.default_rng(0)
    images = random.integers(0, 255, (60, 160, 160, 3), np.uint8)
    images[:30, :6] = images[:30, -6:] = 255
    images[:30, :, :6] = images[:30, :, -6:] = 255
    catalog = Catalog("pets", Path("/photos"), (*photos("cats"), *photos("dogs")))
    shortcuts = {one.cue: one for one in find_shortcuts(catalog, Pictures(images))}
    assert shortcuts["border"].effect == 1
    assert "'cats' are bordered at the" in shortcuts["border"].text
    assert ROW.names is not None and "traces" in ROW.names


def test_the_effect_is_that_of_all_pairs():
    # Of 20 x 20 pairs of 0..19 and 10..29 the first is higher in 45, lower in 345, equal in 10.
    values = np.concatenate([np.arange(20.0), np.arange(10.0, 30.0)])
    labels = np.repeat([0, 1], 20)
    effects, p_values = compare([values, np.zeros(40)], labels, 2)
    assert effects[:, 0] == pytest.approx([-300 / 400, 300 / 400])
    assert effects[:, 1].tolist() == [0, 0]
    assert p_values[:, 0].tolist() == [1 / 200, 1 / 200]
    assert p_values[:, 1].tolist() == [1, 1]


def test_values_that_are_unknown_do_not_count():
    values = np.concatenate([np.arange(20.0), [np.nan] * 5, np.arange(20.0) + 40])
    effects, _ = compare([values], np.array([0] * 25 + [1] * 20), 2)
    assert effects[:, 0].tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("path", "label", "pattern"),
    [
        ("cats/cat.0012.jpg", "cats", "#"),
        ("dogs/dog.7.jpg", "dogs", "#"),
        ("cats/IMG_0412.JPG", "cats", "img_#"),
        ("cats/cat_IMG_0412.jpg", "cats", "img_#"),
        ("DSC00012.jpg", "dogs", "dsc#"),
        ("Screenshot 2020-01-02.png", "", "screenshot #"),
        ("über.jpg", "x", "über"),
        ("axis_1.jpg", "a", "axis_#"),
    ],
)
def test_names_are_compared_by_how_they_begin(path, label, pattern):
    assert name_pattern(Photo(path, label)) == pattern
