import pytest

from pawsight.data.listing.photo_groups import Grouping
from pawsight.errors import DataError
from pawsight.records import Photo


def photos(*paths):
    return [Photo(path, "cats") for path in paths]


@pytest.mark.parametrize(
    ("group_by", "column", "is_by_column", "is_by_folder"),
    [
        (None, None, False, False),
        ("folder", "folder", False, True),
        ("patient", "patient", True, False),
        (r"person(\d+)", None, False, False),
    ],
)
def test_groups_are_of_a_folder_a_column_or_a_pattern(group_by, column, is_by_column, is_by_folder):
    found = Grouping(group_by)
    assert found.table_column == column
    assert (found.is_by_column, found.is_by_folder) == (is_by_column, is_by_folder)


@pytest.mark.parametrize(
    ("group_by", "words"), [("(a", "is not a valid regular expression"), (r"\(a", "has no group")]
)
def test_a_pattern_that_is_none_is_an_error_for_people(group_by, words):
    with pytest.raises(DataError, match=words):
        Grouping(group_by)


def test_photos_are_grouped_by_their_folder_below_that_of_the_class():
    some = photos("cats/tom/1.jpg", "cats/2.jpg", "cats/kit/a/3.jpg")
    found = Grouping("folder").in_folder(some, "cats/")
    assert [photo.group for photo in found] == ["tom", "", "kit/a"]
    assert Grouping("other").in_folder(some, "cats/") == some


def test_photos_are_grouped_by_what_a_pattern_finds(recorded):
    found = Grouping(r"p(\d+)").checked(photos("p1_a.jpg", "p1_b.jpg", "p2.jpg", "x.jpg"), recorded)
    assert [photo.group for photo in found] == ["1", "1", "2", ""]
    assert recorded.notes == ["3 photos in 2 groups; 1 without a group."]
    with pytest.raises(DataError, match=r"matches none of the 1 photos, such as x\.jpg"):
        Grouping(r"p(\d+)").checked(photos("x.jpg"), recorded)


def test_folders_without_groups_and_groups_in_two_parts_are_noted(recorded):
    Grouping("folder").checked(photos("cats/1.jpg"), recorded)
    assert recorded.notes.pop().startswith("--group-by folder groups nothing")
    parts = [("b", "test"), ("b", "train"), ("a", "train"), ("", "train"), ("", "test")]
    some = [Photo(f"{i}.jpg", "cats", part, group=group) for i, (group, part) in enumerate(parts)]
    assert Grouping(None).checked(some, recorded) == some
    (note,) = recorded.notes
    assert note.startswith("1 group has photos in more than one of the given parts, such as b in ")
    Grouping(None).checked(some[1:], recorded)
    assert len(recorded.notes) == 1
