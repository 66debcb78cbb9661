import unicodedata

import pytest

from pawsight.data.part_names import (
    is_annotation,
    is_no_class,
    is_plain_part,
    part_of,
    without_part,
)


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("pug_train", "pug"),
        ("train_pug", "pug"),
        ("trainA", "A"),
        ("big_train_pug", "big_pug"),  # one separator stays
        ("pug-2019.test", "pug-2019"),
        ("pug", ""),
    ],
)
def test_a_part_is_taken_from_a_name_with_one_separator(name, rest):
    assert without_part(name) == rest


@pytest.mark.parametrize(
    ("name", "part", "is_plain"),
    [
        ("training_set", "train", True),
        ("Test1", "test", True),
        ("hold-out", "test", True),
        ("held out", "test", True),
        ("TrainingData", "train", True),
        ("my_val_images", "validation", True),
        ("seg_train", "train", False),
        ("trainA", "train", False),
        ("训练集", "train", True),
        (unicodedata.normalize("NFD", "validación"), "validation", True),
        ("train_test", "", False),  # two parts
        ("validation_val", "validation", True),  # one part by two words
        ("trainer", "", False),
        ("contest", "", False),
        ("data", "", False),
        ("", "", False),
    ],
)
def test_a_name_means_a_part_by_one_word(name, part, is_plain):
    assert part_of(name) == part
    assert is_plain_part(name) is is_plain


@pytest.mark.parametrize(
    ("name", "expected"),
    [("images", True), ("test_images", True), ("unlabelled", True), ("cats", False), ("12", True)],
)
def test_names_of_photos_in_general_are_no_classes(name, expected):
    assert is_no_class(name) is expected


@pytest.mark.parametrize(
    ("name", "expected"), [("train_masks", True), ("GroundTruth", False), ("masked", False)]
)
def test_annotations_are_recognised_by_a_word(name, expected):
    assert is_annotation(name) is expected
