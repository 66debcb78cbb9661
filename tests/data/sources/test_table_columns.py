"""Which column of a table holds what."""

from pathlib import Path

import pytest

from pawsight.data.sources.table_columns import choose_columns, is_usual_label, may_be_parts
from pawsight.errors import DataError

TABLE = Path("pets.csv")


def choose(text, chosen=None, **options):
    """Choose the columns of a table, written as its headings and lines."""
    headings, *lines = (line.split(",") for line in text.split())
    headings = [heading.replace("~", " ") for heading in headings]
    rows = [(number, cells) for number, cells in enumerate(lines, 2)]
    return choose_columns(TABLE, headings, rows, chosen or {}, **options)


def test_usual_headings_are_known_in_any_letters():
    found = choose("ID,Photo,Class-Name,Split,Group,Age a,b.jpg,cat,train,g,7")
    assert (found.path, found.label, found.part, found.group) == (1, 2, 3, 4)
    assert (found.one_hot, found.flags, found.unused) == ((), (), ("ID", "Age"))
    assert found.part_positions == (3,)
    assert choose("Photo~Name,Label a.jpg,cat").path == 0
    assert choose("file_names,label a.jpg,cat").path == 0  # one letter more


@pytest.mark.parametrize(
    ("heading", "is_label", "is_part"),
    [
        ("label", True, False),
        ("Class Name", True, False),
        ("class_id", True, False),
        ("Data-Set", False, True),
        ("age", False, False),
        ("part", False, False),  # known by itself
    ],
)
def test_headings_of_labels_and_parts(heading, is_label, is_part):
    assert (is_usual_label(heading), may_be_parts(heading)) == (is_label, is_part)


def test_a_column_of_file_names_is_that_of_the_photos():
    found = choose("where,label a.jpg,cat b.png,dog")
    assert (found.path, found.label) == (0, 1)
    for text in (
        "where,there,label a.jpg,b.jpg,cat",  # two columns
        "where,label a.jpg,cat b,dog",  # not all
        "where,label",  # no line
        "label,where cat,a.jpg dog",  # a line that ends before it
        "where.jpg,label a.jpg,cat",  # the first line is a photo
    ):
        with pytest.raises(DataError, match="has no column path"):
            choose(text)


def test_a_hundred_lines_are_enough_to_find_the_photos():
    lines = ["a.jpg,cat"] * 100
    assert choose("\n".join(["where,label", *lines, "b,dog"])).path == 0
    with pytest.raises(DataError, match="has no column path"):
        choose("\n".join(["where,label", *lines[1:], "b,dog"]))


def test_label_comes_before_other_words_for_it():
    assert choose("path,species,label a.jpg,x,cat").label == 2
    assert choose("path,species,class_id a.jpg,x,1").label == 1
    assert choose("path,class_id a.jpg,1").label == 1
    with pytest.raises(DataError, match=r"in several columns of pets\.csv: species, breed.*\n.*"):
        choose("path,species,breed a.jpg,x,y")
    with pytest.raises(DataError, match=r"Several columns of pets\.csv are called class\."):
        choose("path,class,class a.jpg,x,y")
    with pytest.raises(DataError, match="has no column label"):
        choose("path,class_id,label_id a.jpg,1,2")


def test_the_only_other_column_is_the_label():
    assert choose("path,animal a.jpg,cat").label == 1
    for text in ("path,animal,colour a.jpg,cat,red", "path,split a.jpg,x"):
        with pytest.raises(DataError, match="has no column label"):
            choose(text)


def test_parts_are_in_a_usual_column_that_names_some():
    assert choose("path,label,part a.jpg,cat,x").part == 2
    assert choose("path,label,set a.jpg,cat,x b.jpg,cat,test").part == 2
    assert choose("path,label,set a.jpg,cat,x").part is None
    assert choose("path,label,set a.jpg,cat,Fold1", part_values={"fold1"}).part == 2
    assert choose("path,label,when a.jpg,cat,test").part is None  # no usual heading
    found = choose("path,label,set a.jpg,cat,test", use_parts=False)
    assert (found.part, found.unused) == (None, ("set",))


def test_columns_of_yes_and_no_put_photos_into_parts():
    found = choose("path,label,is_valid,is_test a.jpg,cat,True,no b.jpg,cat,0,Yes")
    assert found.flags == ((2, "validation"), (3, "test"))
    assert (found.part_positions, found.unused) == ((2, 3), ())
    # A column of parts comes first, and then they are unused.
    found = choose("path,label,part,is_valid a.jpg,cat,train,1")
    assert (found.flags, found.part, found.unused) == ((), 2, ("is_valid",))
    found = choose("path,label,is_train a.jpg,cat,1", use_parts=False)
    assert (found.flags, found.unused) == ((), ("is_train",))
    # No yes or no at all: it means something else.
    assert choose("path,label,is_test a.jpg,cat,x b.jpg,cat,z").flags == ()


@pytest.mark.parametrize(("cell", "written"), [("maybe", "'maybe'"), ("", "nothing")])
def test_another_cell_in_such_a_column_is_named(cell, written):
    text = f"path,label,is_valid a.jpg,cat,1 b.jpg,cat,{cell}"
    with pytest.raises(DataError, match=rf"Line 3 of pets\.csv has {written} in the column is_val"):
        choose(text)
    assert choose(text, use_parts=False).flags == ()


def test_columns_of_one_and_zero_are_classes():
    found = choose("path,cat,dog,age,Unnamed:~3 a.jpg,1,0,7,1 b.jpg,0,1.0,8,0")
    assert (found.label, found.one_hot, found.unused) == (None, (1, 2), ("age",))
    for text in (
        "path,cat,age a.jpg,1,7",  # one alone
        "path,cat,dog a.jpg,0,0",  # none is on
    ):
        with pytest.raises(DataError, match="has no column label"):
            choose(text)


def test_a_column_with_some_other_cells_beside_classes_is_asked_about():
    text = "path,cat,dog,eel a.jpg,1,0,1 b.jpg,0,1,0 c.jpg,0,1,maybe"
    with pytest.raises(DataError, match=r"(?s)Line 4 .*'maybe' in the column eel.*labels=cat\+dog"):
        choose(text)
    assert choose(text.replace("eel", "fold")).one_hot == (1, 2)  # a usual word for parts


def test_columns_are_chosen_by_their_headings():
    text = "path,label,other,a,b,set,group x.jpg,cat,y.jpg,1,0,test,g"
    found = choose(text, {"path": "Other", "label": "a", "group": "b", "part": "set"})
    assert (found.path, found.label, found.group, found.part) == (2, 3, 4, 5)
    found = choose(text, {"labels": "a+b"})
    assert (found.one_hot, found.label) == ((3, 4), None)
    assert choose(text, group_by="set").group == 5
    with pytest.raises(DataError, match=r"has no column 'x', which --columns names for label"):
        choose(text, {"label": "x"})
    with pytest.raises(DataError, match=r"has no column 'x' to group its photos by"):
        choose(text, group_by="x")
    with pytest.raises(DataError, match=r"Line 2 of pets\.csv has 'cat' in the column label, whi"):
        choose(text, {"labels": "label+a"})


def test_a_column_of_measurements_is_a_class_only_where_it_is_chosen():
    text = "path,age a.jpg,1.5 b.jpg,2.5"
    with pytest.raises(DataError, match="estimates no numbers"):
        choose(text)
    assert choose(text, {"label": "age"}).label == 1
    assert choose("path,level a.jpg,1.5 b.jpg,2.5").label == 1  # a usual word for classes
