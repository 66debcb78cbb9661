"""Folders listed in the order of their paths, one folder at a time."""

import pytest

from pawsight.data.listing import walk as walk_module
from pawsight.data.listing.left_out import LeftOut
from pawsight.data.listing.walk import walk, walk_in_order

PATHS = ("a/1.jpg", "a/b/2.jpg", "a-b/3.jpg", "a.jpg", "a!/4.png", "é/5.jpg", "a/.hidden/6.jpg")


@pytest.fixture
def tree(tmp_path):
    for path in PATHS:
        (tmp_path / "photos" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / path).write_bytes(b"not looked into")
    return tmp_path / "photos"


def test_photos_come_in_the_order_of_their_paths_without_a_list_of_all(tree, monkeypatch):
    expected = sorted(walk(str(tree)).photos, key=lambda photo: photo.path)
    entered, enter = [], walk_module._enter

    def recorded(root, here, *others):
        entered.append(here)
        return enter(root, here, *others)

    monkeypatch.setattr(walk_module, "_enter", recorded)
    found = walk_in_order(str(tree), LeftOut())
    assert [next(found).path, *entered] == ["a!/4.png", "", "a!/"]
    assert [expected[0], *found] == expected
    paths = [photo.path for photo in expected]
    assert paths == ["a!/4.png", "a-b/3.jpg", "a.jpg", "a/1.jpg", "a/b/2.jpg", "é/5.jpg"]


def test_links_to_folders_lead_no_photo_in_twice(tree):
    (tree / "0").symlink_to(tree / "a")
    (tree / "a" / "loop").symlink_to(tree)
    expected = sorted(photo.path for photo in walk(str(tree)).photos)
    assert [photo.path for photo in walk_in_order(str(tree), LeftOut())] == expected
    assert len(expected) == 6


def test_folder_that_cannot_be_read_is_a_row(tmp_path):
    (row,) = walk_in_order(str(tmp_path / "gone"), LeftOut())
    assert "this folder cannot be read" in row.problem
