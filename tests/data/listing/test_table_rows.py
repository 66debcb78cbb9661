"""The photos that one table names: which are rows, and what is noted of the others."""

import pytest

from pawsight.config import SourceConfig
from pawsight.data.listing.scan import scan
from pawsight.data.sources import fetch
from pawsight.errors import DataError
from pawsight.progress import Silent


@pytest.fixture
def pets(tmp_path):
    """A folder with photos a to d, and one in a folder in it."""
    for path in ("a.jpg", "b.jpg", "c.jpg", "d.jpg", "in/e.jpg"):
        (tmp_path / "pets" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pets" / path).write_bytes(path.encode())
    return tmp_path / "pets"


def listed(pets, text, progress=None, group_by=None, **config):
    (pets / "labels.csv").write_text(text)
    source = fetch(pets / "labels.csv", Silent())
    return scan(source, progress or Silent(), group_by, SourceConfig(**config))


def problems(listing):
    return {photo.path: photo.problem for photo in listing.photos}


class Counting(Silent):
    num_photos = 0

    def advance(self, done, **facts):
        self.num_photos += done


def test_each_photo_is_counted_once(pets):
    counted = Counting()
    text = "path,label\na.jpg,cat\nb.jpg,dog\n./a.jpg,cat\ngone.jpg,dog\n"
    assert len(listed(pets, text, counted).photos) == counted.num_photos == 3


@pytest.mark.parametrize(
    ("lines", "config", "note"),
    [
        ("a.jpg,cat\nb.jpg,dog\n", {}, None),
        ("a.jpg,cat\n./a.jpg,cat\nb.jpg,dog\n", {}, "1 line of labels.csv names"),
        ("a.jpg,cat\na.jpg,cat\nb.jpg,dog\nb.jpg,dog\n", {}, "2 lines of labels.csv name"),
        ("a.jpg,cat\na.jpg,dog\nb.jpg,dog\n", {"multi_label": True}, None),
    ],
)
def test_lines_that_repeat_a_photo_are_noted_where_a_photo_has_one_label(
    pets, recorded, lines, config, note
):
    listed(pets, f"path,label\n{lines}", recorded, **config)
    repeated = [text for text in recorded.notes if "that an earlier line names" in text]
    assert repeated == ([f"{note} a photo that an earlier line names."] if note else [])


def test_the_first_two_labels_of_a_photo_are_named(pets):
    found = listed(pets, "path,label\na.jpg,cat\na.jpg,dog\na.jpg,owl\nb.jpg,dog\nc.jpg,owl\n")
    assert problems(found)["a.jpg"] == "the table gives two labels: 'cat' and 'dog'"


def test_what_is_wrong_with_a_file_is_named_before_its_labels(pets):
    (pets / "notes.txt").write_text("x")
    text = 'path,label\ngone.jpg,"cat,dog"\nlost.jpg,cat\nlost.jpg,dog\nnotes.txt,\na.jpg,\n'
    assert problems(listed(pets, text + "b.jpg,cat\nc.jpg,dog\n")) == {
        "a.jpg": "the table gives no label",
        "b.jpg": "",
        "c.jpg": "",
        "gone.jpg": "file not found",
        "lost.jpg": "file not found",
        "notes.txt": "the file is not a photo",
    }


def test_a_photo_that_is_not_there_keeps_its_label_part_and_group(pets):
    text = "path,label,part,group\na.jpg,cat,train,7\ngone.jpg,dog,test,8\n"
    photo = listed(pets, text).photos[1]
    assert (photo.path, photo.label, photo.part, photo.group) == ("gone.jpg", "dog", "test", "8")


def test_only_photos_that_were_found_under_another_name_are_noted(pets, recorded):
    listed(pets, "path,label\nA.JPG,cat\nb,dog\nc.jpg,dog\ngone.jpg,dog\n", recorded)
    notes = [text for text in recorded.notes if "found" in text]
    assert notes == [
        "2 photos of labels.csv were found under another name, such as A.JPG as a.jpg."
    ]
    del recorded.notes[:]
    listed(pets, "path,label\na.jpg,cat\nb.jpg,dog\ngone.jpg,dog\n", recorded)
    assert not any("found" in text for text in recorded.notes)


@pytest.mark.parametrize(
    ("column", "group_by", "groups", "is_noted"),
    [
        ("group", None, ["x", "y"], False),
        ("group", "folder", ["x", "y"], True),
        ("Folder", "folder", ["x", "y"], False),
        ("colour", "folder", ["", "in"], False),
        ("colour", None, ["", ""], False),
    ],
)
def test_groups_of_the_table_come_before_those_of_folders(
    pets, recorded, column, group_by, groups, is_noted
):
    text = f"path,label,{column}\na.jpg,cat,x\nin/e.jpg,dog,y\n"
    found = listed(pets, text, recorded, group_by)
    assert [photo.group for photo in found.photos] == groups
    assert any("--group-by folder has no effect" in text for text in recorded.notes) == is_noted


@pytest.mark.parametrize(("headings", "is_noted"), [("set,age", True), ("set,split", False)])
def test_a_column_is_proposed_for_the_parts_where_none_gives_them(
    pets, recorded, headings, is_noted
):
    text = f"path,label,{headings}\na.jpg,cat,A,train\nb.jpg,dog,B,test\n"
    listed(pets, text, recorded)
    assert any("--columns part=set" in text for text in recorded.notes) == is_noted


MARKED = "path,cat,indoor,dog\na.jpg,1,1,0\nb.jpg,0,0,1\nc.jpg,1,0,0\nd.jpg,0,1,1\n"


@pytest.mark.parametrize(
    ("text", "config", "is_proposed"),
    [
        (MARKED, {}, True),
        (MARKED, {"multi_label": True}, False),  # several are wanted
        (MARKED, {"columns": "labels=cat+indoor+dog"}, False),  # they were chosen
        # No columns of classes, but lists of them in cells of one.
        (
            "path,label\na.jpg,\"['cat', 'indoor']\"\nb.jpg,['dog']\nc.jpg,['cat']\n"
            "d.jpg,\"['indoor', 'dog']\"\n",
            {},
            False,
        ),
        ("path,cat,dog\na.jpg,1,0\nb.jpg,0,1\n", {}, False),  # nothing is wrong with them
    ],
)
def test_columns_of_classes_are_proposed_where_others_hold_1_and_0(pets, text, config, is_proposed):
    advice = listed(pets, text, **config).advice
    assert ("--columns labels=cat+dog" in advice) == is_proposed
    assert bool(advice) == is_proposed


def test_a_table_that_came_with_the_photos_names_none_in_other_folders(pets):
    (pets / "labels.csv").write_text("path,label\nx,cat\ny,dog\n")
    for name in ("x", "y"):
        (pets.parent / f"{name}.jpg").write_bytes(b"x")
    with pytest.raises(DataError, match=r"No photo that .* names was found, such as x\."):
        scan(fetch(pets, Silent()))
    found = scan(fetch(pets / "labels.csv", Silent())).photos  # the user's own may
    assert [photo.path for photo in found] == ["../x.jpg", "../y.jpg"]


@pytest.mark.parametrize(
    ("cell", "mark"), [("cat dog", " "), ("cat,dog,owl", ","), ("cat; dog", ";"), ("cat|dog", "|")]
)
def test_the_separator_that_is_proposed_is_the_one_in_the_cell(pets, cell, mark):
    text = f'path,label\na.jpg,"{cell}"\nb.jpg,cat\nc.jpg,dog\nd.jpg,owl\n'
    with pytest.raises(DataError) as raised:
        listed(pets, text, multi_label=True)
    assert f"--label-separator '{mark}'\n" in str(raised.value)
