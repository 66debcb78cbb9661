"""What is written of columns that give no classes."""

from pathlib import Path

import pytest

from pawsight.data.sources.column_errors import check_values, odd_cell_message, without_columns
from pawsight.errors import DataError

TABLE = Path("pets.csv")


def message(text, missing=("label",)):
    headings, *lines = (line.split(",") for line in text.split())
    return without_columns(TABLE, headings, list(enumerate(lines, 2)), missing).split("\n")


def test_what_a_table_lacks_is_named_with_how_it_should_begin():
    found = message("a,b 1,2", ("path", "label"))
    assert found == [
        "The table pets.csv has no column path and no column label; its first line reads: a,b",
        "It should begin: path,label   or: path,label,part",
        "To use columns of other names: --columns path=NAME,label=NAME",
    ]
    assert without_columns(TABLE, [], [], ["path"]).split("\n")[0].endswith("reads: (nothing)")
    assert len(without_columns(TABLE, [], [], ["path"]).split("\n")) == 2
    long = message("x" * 200)
    assert long[0].endswith(": " + "x" * 100)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        (
            "a.jpg,cat,train b.jpg,dog,test",
            "That line names a photo: put the line path,label,part above it.",
        ),
        (
            "p,cat,dog a,1,-1 b,-1.0,0",
            "Some columns hold 1 and -1, such as cat, which may mean 'no' or 'unknown': write 0 "
            "for 'no', and leave out what is unknown.",
        ),
        (
            "p,cat,dog a,0.25,1 b,0,0.75",
            "The columns cat and dog hold numbers between 0 and 1, such as 0.25, which may be "
            "probabilities. If each is a class, write 1 for the class of the photo and 0 for the "
            "others.",
        ),
        (
            "p,cat,dog a,1,0 b,1,1 c,x,0",
            "If each column is a class: line 4 has 'x' in cat, which otherwise holds 1 and 0. "
            "Write 1 or 0 there.",
        ),
        # One column of shares, numbers above 1, and a -1 beside other numbers say nothing.
        ("p,cat a,0.25", "To use columns of other names: --columns label=NAME"),
        ("p,cat,dog a,0.5,2 b,0.5,0", "To use columns of other names: --columns label=NAME"),
        ("p,cat,dog a,0.5,-1 b,7,3", "To use columns of other names: --columns label=NAME"),
        ("p,cat,dog a,x,2 b,1,7", "To use columns of other names: --columns label=NAME"),
    ],
)
def test_the_advice_fits_what_the_columns_hold(text, advice):
    assert message(text)[2:] == [advice]


def test_a_cell_that_is_neither_one_nor_zero_is_named_with_the_other_columns():
    text = odd_cell_message(TABLE, "eel", 7, "maybe", ["cat", "big dog"])
    assert text.startswith("Line 7 of pets.csv has 'maybe' in the column eel, which otherwise")
    assert text.endswith("--columns 'labels=cat+big dog'")


def check(*cells, is_usual=False):
    rows = [(number, ["a.jpg", cell]) for number, cell in enumerate(cells, 2)]
    check_values(TABLE, ["path", "x"], rows, 1, is_usual)


@pytest.mark.parametrize(
    "cells",
    [
        ["cat", "dog", "cat", "dog", "cat"],
        ["a", "b", "c", "d"],  # four lines that differ say little
        ["a;b", "b;c", "c", "a", "c;a"],  # several labels
        [str(number) for number in range(20)],
        ["1", "2.0", ""],
        [],
    ],
)
def test_values_that_may_be_classes_are_taken(cells):
    check(*cells)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["a", "b", "c", "d", "e"], "has another value in each line, such as 'a'"),
        (["1.5", "2", "3"], r"holds numbers, such as 1\.5; each of its 3 values would be a class"),
        ([str(number) for number in range(21)], r"such as 0; each of its 21 values"),
    ],
)
def test_measurements_and_descriptions_are_refused_unless_the_heading_is_a_usual_one(cells, words):
    with pytest.raises(DataError, match=words) as caught:
        check(*cells)
    assert str(caught.value).endswith("--columns label=x")
    check(*cells, is_usual=True)
