"""What options of several values take; what is not recognised is left to the checks."""

import pytest

from pawsight.setting_texts import (
    as_tuple,
    parse_assignments,
    parse_columns,
    parse_names,
    parse_parts,
)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("a,b", ("a", "b")),
        (["a, b", "c"], ("a", "b", "c")),
        ('"c,d",e', ("c,d", "e")),
        (2023, ("2023",)),
        ("a,,", ("a",)),
        ([1, 2], [1, 2]),
        (None, None),
    ],
)
def test_names_are_divided_by_commas(value, names):
    assert parse_names(value) == names


@pytest.mark.parametrize(
    ("value", "assigned"),
    [
        ("x=a+b,y=c", {"x": ("a", "b"), "y": ("c",)}),
        (["x=a", "x= b "], {"x": ("a", "b")}),
        ({"x": "a", "y": ["b", "c"]}, {"x": ("a",), "y": ["b", "c"]}),
        ("x=a=b", {"x": ("a=b",)}),
        (None, {}),
    ],
)
def test_assignments_are_texts_by_name(value, assigned):
    assert parse_assignments(value) == assigned


@pytest.mark.parametrize("value", ["x", "x=", "=a", "x=a+", " =a"])
def test_what_assigns_nothing_is_named(value):
    with pytest.raises(ValueError, match="write NAME=VALUE"):
        parse_assignments(value)


def test_a_comma_between_values_is_answered_with_the_right_text():
    with pytest.raises(ValueError, match=r"not 'persian'; is it 'big cats=maine coon\+persian'[?]"):
        parse_assignments("big cats=maine coon, persian")
    spaced = {"big cats": ("maine coon", "persian")}
    assert parse_assignments(" big cats = maine coon + persian ") == spaced


def test_an_assigned_value_is_a_text_or_texts():
    with pytest.raises(ValueError, match="a text or a list of texts"):
        parse_assignments({"x": 1})


def test_parts_may_be_spelled_in_two_ways():
    found = {"train": ("a",), "validation": ("b", "c", "d")}
    assert parse_parts("train=a,val=b+c,validation=d") == found
    assert parse_parts("none") == "none"
    assert parse_parts(None) is None


@pytest.mark.parametrize(
    ("value", "words"),
    [("training=a", "there is no part 'training'"), ("train=a,test=b+a", "'a' is given as two")],
)
def test_parts_that_cannot_be_are_named(value, words):
    with pytest.raises(ValueError, match=words):
        parse_parts(value)
    assert parse_parts("train=a+a") == {"train": ("a", "a")}  # twice the same is no contradiction


def test_columns_have_one_role_and_labels_one_way():
    assert parse_columns("path=id,labels=a+b") == {"path": "id", "labels": "a+b"}
    with pytest.raises(ValueError, match="give label, one column of classes, or labels"):
        parse_columns("label=a,labels=b")


def test_a_single_text_is_a_tuple_of_it():
    assert as_tuple("ab") == ("ab",)
    assert as_tuple(["a"]) == ["a"]
