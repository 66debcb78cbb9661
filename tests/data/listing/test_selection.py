"""Which classes are used, under which names, and what the user reads of them."""

import pytest

from pawsight.config import SourceConfig
from pawsight.data.listing.selection import (
    advice_on_few,
    named_classes,
    option_for,
    report_classes,
    selected,
    without_none,
)
from pawsight.errors import DataError
from pawsight.records import Photo
from pawsight.task import MULTI_LABEL, SINGLE_LABEL


def photos(*labels, **fields):
    return [Photo(f"{i}.jpg", label, **fields) for i, label in enumerate(labels)]


def chosen(recorded, labels, **settings):
    """The labels that are left, and the notes."""
    found = selected(photos(*labels), SourceConfig(**settings), recorded)
    return [photo.label for photo in found], recorded.notes


def test_without_settings_all_photos_stay_as_they_are(recorded):
    assert chosen(recorded, ["cats", "", "dogs"]) == (["cats", "", "dogs"], [])


def test_classes_are_joined_under_a_new_name(recorded):
    merge = {"cats": ("tabby", "siamese"), "dogs": ("dogs",)}
    labels, notes = chosen(recorded, ["tabby", " tabby ", "siamese", "dogs", ""], merge=merge)
    assert labels == ["cats", "cats", "cats", "dogs", ""]  # with spaces around the name, too
    assert notes == ["Class cats is merged from tabby, siamese."]


def test_a_class_is_joined_into_one_other_only(recorded):
    with pytest.raises(DataError, match=r"puts the class tabby into cats and into pets"):
        chosen(recorded, ["tabby", "dogs"], merge={"cats": ("tabby",), "pets": ("tabby", "dogs")})
    # Naming it twice for the same class is no mistake.
    labels, _ = chosen(recorded, ["tabby", "dogs"], merge={"cats": ("tabby", "tabby")})
    assert labels == ["cats", "dogs"]


def test_a_class_that_others_join_is_named_with_them(recorded):
    assert chosen(recorded, ["a", "b", "c"], merge={"a": ("b",), "d": ("c",)}) == (
        ["a", "a", "d"],
        ["Class a is merged from a, b.", "Class d is merged from c."],
    )


def test_only_the_classes_that_are_named_are_left(recorded):
    labels, notes = chosen(recorded, ["a", "b", "c", "c", ""], classes=("a", "b"))
    assert labels == ["a", "b", ""]  # what has no label stays
    assert notes == ["2 photos of other classes are left out: c."]
    recorded.notes.clear()
    assert chosen(recorded, ["a", "b", "c"], classes="a,b")[1] == [
        "1 photo of another class is left out: c."
    ]
    recorded.notes.clear()
    assert chosen(recorded, ["a", "b"], classes="a,b") == (["a", "b"], [])


def test_of_several_labels_those_that_are_not_named_are_taken_from_a_photo(recorded):
    texts = [MULTI_LABEL.text_of(names) for names in (("a", "c"), ("c",), ("b",))]
    labels, notes = chosen(recorded, texts, classes=("a", "b"), multi_label=True)
    assert [MULTI_LABEL.names_of(label) for label in labels] == [("a",), (), ("b",)]
    assert notes == ["Other labels are left out: c."]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"classes": ("a", "x", "y")}, r"--classes names x, y, but there is no such class"),
        ({"merge": {"new": ("x",)}}, r"--merge names x, but .*\n.*there are: a, b\."),
    ],
)
def test_a_class_that_is_not_there_is_named(recorded, settings, message):
    with pytest.raises(DataError, match=message):
        chosen(recorded, ["a", "b"], **settings)


def test_no_class_at_all_is_named_as_none(recorded):
    with pytest.raises(DataError, match=r"The classes there are: none\."):
        chosen(recorded, ["", ""], classes=("a",))


def test_classes_that_differ_in_capitals_or_spaces_are_noted(recorded):
    _, notes = chosen(recorded, ["Cats", "cats", "big  dogs", "big dogs", "a", "A"])
    assert notes == [
        "Classes Cats, cats differ only in upper and lower case or spaces. "
        "To merge them: --merge Cats=cats",
        "Classes big  dogs, big dogs differ only in upper and lower case or spaces. "
        "To merge them: --merge 'big  dogs=big dogs'",
    ]  # single letters are classes of their own


@pytest.mark.parametrize(
    ("settings", "table", "start"),
    [
        (
            {"classes": ("a",), "merge": {"b": ("c",)}},
            "t.csv",
            "Name two or more classes with --classes",
        ),
        ({"merge": {"b": ("c",)}}, "t.csv", "Merge fewer classes with --merge"),
        ({}, "t.csv", "The classes are read from t.csv.\n"),
        ({}, "", ""),
    ],
)
def test_advice_where_there_are_too_few_classes(settings, table, start):
    advice = advice_on_few(SourceConfig(**settings), table)
    assert advice.startswith(start) and bool(advice) == bool(start)


def test_named_classes_are_those_of_both_options():
    config = SourceConfig(classes=("a",), merge={"b": ("c", "d")})
    assert named_classes(config) == {"a", "b", "c", "d"}


def test_a_name_becomes_a_class_by_the_shortest_option():
    assert option_for("NA", [f"c{i}" for i in range(8)]) == ("--classes NA,c0,c1,c2,c3,c4,c5,c6,c7")
    assert option_for("NA", [f"c{i}" for i in range(9)]) == "--merge NA=NA"
    assert option_for("no cat", ["cat"]) == "--classes 'cat,no cat'"


def separated(recorded, labels, **settings):
    found, paths = without_none(photos(*labels), SourceConfig(**settings), recorded)
    return [photo.label for photo in found], paths


def test_photos_of_none_of_the_classes_are_set_apart(recorded):
    found = separated(recorded, ["cats", "dogs", "None", "other"])
    assert found == (["cats", "dogs"], ("2.jpg", "3.jpg"))
    assert recorded.notes == [
        "2 photos of None, other are of none of the classes, and used to set and test the "
        "threshold of the answer none. To train a class of that name: --classes "
        "None,cats,dogs,other; to leave them out: --exclude None --exclude other"
    ]


def test_one_such_photo_is_counted_as_one_and_a_broken_one_not(recorded):
    given = [*photos("cats", "dogs", "none"), Photo("x.jpg", "none", problem="empty file")]
    found, paths = without_none(given, SourceConfig(), recorded)
    assert ([photo.label for photo in found], paths) == (["cats", "dogs"], ("2.jpg",))
    assert recorded.notes[0].startswith("1 photo of none is of none of the classes")


@pytest.mark.parametrize(
    ("labels", "settings"),
    [
        (["cats", "none"], {}),  # else one class would be left
        (["cats", "dogs", "none"], {"classes": ("cats", "dogs", "NONE")}),
        (["cats", "dogs", "none"], {"merge": {"none": ("none",)}}),
        (["cats", "dogs", "none"], {"none": ("rest",)}),
        (["cats", "dogs"], {}),
    ],
)
def test_such_a_class_is_one_as_any_other_where_it_is_named_or_needed(recorded, labels, settings):
    assert separated(recorded, labels, **settings) == (labels, ())
    assert recorded.notes == []


def test_of_several_labels_none_is_a_label_with_a_note(recorded):
    labels = ["cats", "dogs", "none"]
    assert separated(recorded, labels, multi_label=True) == (labels, ())
    assert recorded.notes == [
        "none: used as a label like the others. If its photos have none of the labels, choose the "
        "other labels: --classes cats,dogs"
    ]
    recorded.notes.clear()
    separated(recorded, labels, multi_label=True, classes=("cats", "dogs"))
    assert recorded.notes == []


def test_classes_and_parts_are_reported(recorded):
    given = [
        Photo("a.jpg", "cats", part="train"),
        Photo("b.jpg", "dogs", part="validation"),
        Photo("c.jpg", "dogs", part="test"),
    ]
    report_classes(given, SINGLE_LABEL, "folders", "by name", recorded)
    report_classes(given[:1], SINGLE_LABEL, "folders", "by name", recorded)
    report_classes(given[1:2], SINGLE_LABEL, "a.csv", "by column", recorded)
    report_classes(photos("", ""), SINGLE_LABEL, "folders", "", recorded)
    report_classes(photos(*[f"c{i}" for i in range(9)]), SINGLE_LABEL, "folders", "", recorded)
    assert recorded.notes == [
        "2 classes from folders: cats, dogs; parts train, validation and test by name.",
        "1 class from folders: cats; parts train by name.",
        "1 class from a.csv: dogs; parts validation by column.",
        "2 photos without classes.",
        "9 classes from folders: c0, c1, c2, c3, c4, c5, c6, c7 and 1 more.",
    ]


def test_of_several_labels_it_is_reported_how_many_photos_have_several_or_none(recorded):
    texts = [MULTI_LABEL.text_of(names) for names in (("a", "b"), ("a",), (), ())]
    broken = Photo("x.jpg", texts[0], problem="empty file")
    report_classes([*photos(*texts), broken], MULTI_LABEL, "a.csv", "", recorded)
    report_classes(photos(texts[1]), MULTI_LABEL, "a.csv", "", recorded)
    assert recorded.notes == [
        "2 labels from a.csv: a, b; 1 of 4 photos have several, 2 have none.",
        "1 label from a.csv: a; 0 of 1 photos have several, 0 have none.",
    ]
