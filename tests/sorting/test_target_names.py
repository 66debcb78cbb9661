"""Names that are free, fit the disk, and stay next to their kind."""

import os

import pytest

from pawsight.errors import DataError
from pawsight.sorting.target_names import UnusedNames, class_folders, numbered, portable


def test_second_photo_of_a_name_gets_a_number():
    assert numbered("IMG.jpg", 1) == "IMG.jpg"
    assert numbered("IMG.jpg", 2) == "IMG (2).jpg"
    assert numbered("archive.tar.jpg", 3) == "archive.tar (3).jpg"
    assert numbered("no suffix", 2) == "no suffix (2)"


@pytest.mark.parametrize("letter", ["a", "é", "猫", "\udcff"])
def test_long_name_is_cut_by_letters_to_what_a_disk_holds(letter):
    name = letter * (251 // len(os.fsencode(letter))) + ".jpg"
    cut = numbered(name, 12)
    assert cut.endswith(f"{letter} (12).jpg")
    assert 250 <= len(os.fsencode(cut)) <= 255


def test_what_is_long_after_a_dot_is_no_extension():
    name = "a." + "b" * 250
    assert numbered(name, 2) == "a." + "b" * 249 + " (2)"


def test_portable_name_has_only_letters_that_any_disk_takes():
    assert portable('a:b?"\udce9.jpg') == "a_b___.jpg"
    assert len(portable("x" * 251 + ".jpg")) == 127


def test_class_gives_its_folder_its_name():
    assert class_folders(["cats", "Maine Coon", "chien méchant"]) == {
        "cats": "cats",
        "Maine Coon": "Maine Coon",
        "chien méchant": "chien méchant",
    }


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("../../etc", "_.._etc"),
        ("/abs", "_abs"),
        ("..", "_"),
        (".hidden", "hidden"),
        ("con", "con_"),
        ("dots...", "dots"),
        ("a\nb", "a_b"),
        ("x" * 300, "x" * 255),
    ],
)
def test_class_of_an_odd_name_gets_a_folder_that_leads_nowhere_else(name, folder):
    assert class_folders([name]) == {name: folder}


def test_two_classes_of_one_folder_are_refused():
    with pytest.raises(DataError, match="'a/b' and 'A_B' would share the folder 'A_B'"):
        class_folders(["a/b", "A_B"])


@pytest.fixture
def photo(tmp_path):
    def save(name, content):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return str(path), len(content)

    return save


def test_photos_of_one_name_get_one_each_and_copies_share(photo, tmp_path):
    names = UnusedNames(str(tmp_path / "sorted"))
    found = [
        names.choose(*photo(f"{index}/IMG.jpg", content), "cats/IMG.jpg")
        for index, content in enumerate([b"one", b"two", b"one", b"third", b"two"])
    ]
    assert found == [
        ("cats/IMG.jpg", False),
        ("cats/IMG (2).jpg", False),
        ("cats/IMG.jpg", True),
        ("cats/IMG (3).jpg", False),
        ("cats/IMG (2).jpg", True),
    ]


def test_name_on_the_disk_is_taken_and_its_content_known(photo, tmp_path):
    for name, content in (("IMG.jpg", b"other"), ("IMG (2).jpg", b"mine")):
        photo(f"cats/{name}", content)
    names = UnusedNames(str(tmp_path))
    mine, new = photo("mine.jpg", b"mine"), photo("new.jpg", b"news")
    assert names.choose(*mine, "cats/IMG.jpg") == ("cats/IMG (2).jpg", True)
    assert names.choose(*new, "cats/IMG.jpg") == ("cats/IMG (3).jpg", False)


def test_name_of_a_link_that_leads_nowhere_is_taken(photo, tmp_path):
    photo("cats/x", b"")
    (tmp_path / "cats" / "IMG.jpg").symlink_to("gone")
    names = UnusedNames(str(tmp_path))
    assert names.choose(*photo("IMG.jpg", b"1"), "cats/IMG.jpg") == ("cats/IMG (2).jpg", False)


def test_numbered_name_that_another_photo_has_as_its_own_is_passed_over(photo, tmp_path):
    names = UnusedNames(str(tmp_path / "sorted"))
    assert names.choose(*photo("IMG (2).jpg", b"a"), "c/IMG (2).jpg") == ("c/IMG (2).jpg", False)
    assert names.choose(*photo("IMG.jpg", b"b"), "c/IMG.jpg") == ("c/IMG.jpg", False)
    assert names.choose(*photo("d", b"c"), "c/IMG.jpg") == ("c/IMG (3).jpg", False)
