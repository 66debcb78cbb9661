"""One spelling for each class of a table, and labels that are made of several."""

import pytest

from pawsight.data.listing.table_labels import (
    exclusive_labels,
    several_labels,
    tidy_labels,
    with_one_spelling,
)
from pawsight.records import Photo
from pawsight.task import SINGLE_LABEL


@pytest.mark.parametrize(
    ("labels", "tidy", "notes"),
    [
        (["cat", "dog"], ["cat", "dog"], []),
        (
            ["cat", "Cat", "cat", "CAT"],
            ["cat"] * 4,
            ["Labels that are spelled in two ways are one class: CAT as cat, Cat as cat."],
        ),
        # Of spellings as frequent, the first in order.
        (
            ["b c", "B  c"],
            ["B  c", "B  c"],
            ["Labels that are spelled in two ways are one class: b c as B  c."],
        ),
        (["a", "A"], ["a", "A"], []),  # single letters are classes of their own
        (
            ["1.0", "1", "-2.", "07"],
            ["1", "1", "-2", "7"],
            [
                "Labels that are spelled in two ways are one class: -2. as -2, 07 as 7, 1.0 as 1.",
            ],
        ),
        (["1.0", "one"], ["1.0", "one"], []),  # not all are numbers
        (
            ["0.5", "1.0"],
            ["0.5", "1.0"],
            ["The labels are numbers, such as 0.5: each of the 2 numbers is a class."],
        ),
        (["0.5", "half"], ["0.5", "half"], []),
        (["cat", ""], ["cat", ""], ["1 line has no label."]),
        (
            ["cat", "NA", "nan", "dog"],
            ["cat", "", "", "dog"],
            [
                "2 lines have no label.",
                "'NA' is read as no label. If it is a class: --classes NA,cat,dog",
                "'nan' is read as no label. If it is a class: --classes cat,dog,nan",
            ],
        ),
    ],
)
def test_each_class_has_one_spelling(recorded, labels, tidy, notes):
    assert tidy_labels(labels, recorded) == tidy
    assert recorded.notes == notes


def test_a_word_for_a_missing_value_is_a_class_where_it_is_named(recorded):
    assert tidy_labels(["NA", "nan", ""], recorded, {"NA", ""}) == ["NA", "", ""]
    assert recorded.notes[0] == "2 lines have no label."


def test_photos_of_several_tables_have_one_spelling(recorded):
    given = [Photo(f"{i}.jpg", label) for i, label in enumerate(("cat", "Cat", "cat", "NA"))]
    found = with_one_spelling(given, SINGLE_LABEL, recorded)
    assert [photo.label for photo in found] == ["cat", "cat", "cat", "NA"]


@pytest.mark.parametrize(
    ("labels", "several"),
    [
        (["cat,dog", "cat", "dog"], {"cat,dog": ["cat", "dog"]}),
        (["cat; dog", "cat | eel", "dog/eel"], {}),  # dog and eel are in one each
        (["cat;dog", "dog | cat"], {"cat;dog": ["cat", "dog"], "dog | cat": ["dog", "cat"]}),
        (["cat,", "cat"], {}),  # an empty piece
        (["cat,cat", "dog"], {}),  # twice in one label is once
        (["big cat", "big", "cat"], {"big cat": ["big", "cat"]}),
        (["big cat", "small cat", "cat"], {}),  # big is no label
        (["", "cat"], {}),
    ],
)
def test_labels_made_of_several_are_those_whose_pieces_are_labels(labels, several):
    assert several_labels(labels) == several


@pytest.mark.parametrize(
    ("lines", "exclusive"),
    [
        ([{"a"}, {"b"}, {"a"}], ["a", "b"]),
        ([{"a", "x"}, {"b", "x"}, {"b"}], ["a", "b"]),  # x is beside both
        ([{"a", "b"}, {"c"}], []),  # either could be the one that is no class
        ([{"a", "x"}, {"b", "x"}, {"x"}], []),  # a line without another
        ([{"a"}, {"a"}], []),  # one is not enough
        ([{"a"}, {"b"}, set()], []),
    ],
)
def test_labels_of_which_each_line_has_one_exclude_each_other(lines, exclusive):
    assert exclusive_labels(dict(enumerate(lines))) == exclusive
