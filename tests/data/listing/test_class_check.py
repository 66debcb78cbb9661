"""Which photos a classifier can be trained on, and what is said of those that are not enough."""

from pathlib import Path

import pytest

from pawsight.data.catalog import Catalog
from pawsight.data.listing.class_check import check_classes, report_missing_classes
from pawsight.errors import DataError
from pawsight.records import Photo
from pawsight.task import MULTI_LABEL, SINGLE_LABEL


def catalog_of(*rows, advice="", task=SINGLE_LABEL):
    """A catalog of (path, label, part, problem), of which the last two may be left out."""
    photos = tuple(
        Photo(path, label, *rest[:1], problem="".join(rest[1:])) for path, label, *rest in rows
    )
    return Catalog("pets", Path("/pets"), photos, advice=advice, task=task)


def refused(*rows, **settings):
    with pytest.raises(DataError) as raised:
        check_classes(catalog_of(*rows, **settings))
    return str(raised.value)


TWO = (("a.jpg", "cats", "train"), ("b.jpg", "dogs", "train"))


def test_two_classes_are_enough_whatever_their_parts():
    check_classes(catalog_of(("a.jpg", "cats"), ("b.jpg", "dogs")))
    check_classes(catalog_of(*TWO, ("c.jpg", "cats", "test")))
    # Without a train part there is none to lack a class.
    check_classes(catalog_of(("a.jpg", "cats", "validation"), ("b.jpg", "dogs", "test")))


@pytest.mark.parametrize("part", ["validation", "test"])
def test_the_first_class_that_the_train_part_lacks_is_named(part):
    rows = (*TWO, ("c.jpg", "owls", part), ("d.jpg", "Cats", part), ("e.jpg", "dogs", part))
    text = refused(*rows)
    assert text.startswith(
        f"The {part} part has a class 'Cats' that the train part lacks. If it is 'cats' there, "
        f"merge the two: --merge cats=Cats\nFolder: /pets\n"
        f"The classes of the train part: cats, dogs.\n"
    )
    assert text.endswith("or leave it out: --exclude Cats")
    text = refused(*TWO, ("c.jpg", "owls", part))
    assert text.startswith(f"The {part} part has a class 'owls' that the train part lacks.\nFolder")


def test_a_photo_of_the_train_part_that_cannot_be_read_has_no_class_there():
    rows = (*TWO, ("c.jpg", "owls", "train", "empty file"), ("d.jpg", "owls", "test"))
    assert "The test part has a class 'owls' that the train part lacks" in refused(*rows)


@pytest.mark.parametrize(
    ("problem", "cure"),
    [
        ("empty file", "Repair them"),
        ("file not found; it could be x", "Correct the paths in the table, or put the files there"),
        (".svg is a drawing; save it as JPEG", "Convert them"),
    ],
)
def test_a_class_of_broken_photos_is_named_with_a_cure(problem, cure):
    rows = [("2.jpg", "owls", "", problem), ("1.jpg", "owls", "", "another one")]
    assert refused(*TWO, *rows) == (
        f"No photo of class 'owls' can be read (2 files).\nFolder: /pets\n"
        f"The first: 2.jpg: {problem}\n{cure}, or leave the class out: --exclude owls"
    )


@pytest.mark.parametrize(
    ("labels", "problem"),
    [(("", ""), "There are photos but no classes in /pets;"), (("cats", "cats"), "only one class")],
)
def test_fewer_than_two_classes_are_refused_with_the_layout_or_the_advice(labels, problem):
    rows = [(f"{number}.jpg", label) for number, label in enumerate(labels)]
    text = refused(*rows)
    assert problem in text and "\nThere should be a folder for each class:\n" in text
    text = refused(*rows, advice="The table x.csv is not used.\n")
    assert text.endswith("two or more are needed.\nThe table x.csv is not used.")


@pytest.mark.parametrize(
    ("paths", "is_proposed"),
    [
        (("x/a/1.jpg", "x/b/2.jpg", "x/3.jpg"), True),  # more than half are in folders inside
        (("x/a/1.jpg", "x/b/2.jpg", "x/3.jpg", "x/4.jpg"), False),
        (("x/a/1.jpg", "x/a/2.jpg"), False),  # one folder
    ],
)
def test_folders_inside_the_only_class_are_proposed_where_most_photos_are_in_them(
    paths, is_proposed
):
    text = refused(*((path, "x") for path in paths))
    assert ("subfolders a, b: --class-level 2" in text) is is_proposed


@pytest.mark.parametrize(("label", "words"), [("", "no labels"), ("cat", "only one label, 'cat'")])
def test_two_labels_are_needed_where_a_photo_may_have_several(label, words):
    text = refused(("a.jpg", label), ("b.jpg", label), task=MULTI_LABEL, advice="Advice.\n")
    assert text.startswith(f"The photos in /pets have {words}; --multi-label needs two or more")
    assert text.endswith("such as 'cat' and 'no cat'.\nAdvice.")
    check_classes(catalog_of(("a.jpg", "cat;dog"), task=MULTI_LABEL))


def test_two_labels_of_a_photo_come_before_all_else():
    problem = "the table gives two labels: 'cat' and 'dog'"
    text = refused(("a.jpg", "", "", problem), advice="the classes are the columns a, b\n")
    assert text.startswith(
        "1 photo has two labels, such as a.jpg (cat, dog). They can be read in two ways"
    )
    assert text.endswith("--exclude a.jpg\n  the classes are the columns a, b")


@pytest.mark.parametrize(
    ("rows", "advice", "is_noted"),
    [
        ([("a.jpg", ""), ("b.jpg", "")], "", False),  # no sign of classes
        ([("a.jpg", ""), ("b.jpg", "")], "A table.\n", True),
        ([("x/a.jpg", "x"), ("x/b.jpg", "x")], "", True),
        ([("cat.1.jpg", ""), ("cat.2.jpg", ""), ("dog.1.jpg", ""), ("dog.2.jpg", "")], "", True),
        ([("a.jpg", "cats"), ("b.jpg", "dogs")], "A table.\n", False),  # nothing is missing
    ],
)
def test_an_audit_notes_what_is_missing_where_labels_were_searched_for(
    recorded, rows, advice, is_noted
):
    report_missing_classes(catalog_of(*rows, advice=advice), recorded)
    assert len(recorded.notes) == is_noted
    assert all(note.startswith("To train on these photos: ") for note in recorded.notes)
