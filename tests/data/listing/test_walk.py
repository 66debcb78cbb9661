"""Folders listed in the order of their paths, one folder at a time."""

import os

import pytest

from pawsight.data.listing import walk as walk_module
from pawsight.data.listing.left_out import LeftOut
from pawsight.data.listing.walk import examine, list_folder, walk, walk_in_order
from pawsight.progress import Silent

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
    assert row.path == "."
    assert "this folder cannot be read" in row.problem
    (row,) = walk(str(tmp_path), "gone/").photos
    assert row.path == "gone"


def test_one_folder_is_listed_with_its_folders_and_links(tmp_path):
    for path in ("z/1.jpg", "b/2.jpg", "@eaDir/3.jpg"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_bytes(b"x")
    (tmp_path / "a-link").symlink_to("z")
    for name in ("4.jpg", "z.csv", "a.csv", "notes.doc", "no ending", "out.jpg"):
        (tmp_path / name).write_bytes(b"text")
    found = list_folder(str(tmp_path), left_out=LeftOut(["out.jpg"]))
    assert [photo.path for photo in found.photos] == ["4.jpg"]
    assert found.folders == ["b", "z", "a-link"]
    # @eaDir, two tables, a document, a text without an ending and what the user leaves out.
    assert found.num_ignored == 6


def test_real_folders_come_before_links_in_the_order_of_their_names(tmp_path):
    for path in ("z/1.jpg", "b/2.jpg", "b/c/3.jpg"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"x")
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "z" / "more").mkdir()
    (tmp_path / "z" / "more" / "4.jpg").write_bytes(b"x")
    assert [photo.path for photo in walk(str(tmp_path)).photos] == [
        *("b/2.jpg", "b/c/3.jpg", "z/1.jpg", "z/more/4.jpg"),
    ]


def test_photos_and_what_is_ignored_are_counted_in_all_folders(tmp_path):
    class Counting(Silent):
        num_photos = 0

        def advance(self, done, **facts):
            self.num_photos += done

    for path in ("1.jpg", "a/2.jpg", "a/b/3.jpg", "a/b/x.doc", "a/y.doc", "z.doc"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"x")
    counting = Counting()
    found = walk(str(tmp_path), label="cats", part="train", progress=counting)
    assert (len(found.photos), counting.num_photos, found.num_ignored) == (3, 3, 3)
    assert {(photo.label, photo.part, photo.size) for photo in found.photos} == {
        ("cats", "train", 1)
    }


@pytest.mark.parametrize(
    ("name", "problem", "size"),
    [
        ("a.jpg", "", 3),
        ("gone.jpg", "file not found", 0),
        ("folder.jpg", "it is a folder, not a photo", 0),
        ("pipe.jpg", "it is a pipe, socket or device, not a file", 0),
        ("pipe", "the file is not a photo", 0),
        ("notes.doc", "the file is not a photo", 4),
        ("no ending", "the file is not a photo", 5),
        ("drawing.svg", ".svg is a drawing, not a photo", 6),
        ("photo", "", 8),
    ],
)
def test_a_file_that_is_named_is_a_row_whatever_it_is(tmp_path, name, problem, size):
    contents = {"a.jpg": b"abc", "notes.doc": b"text", "no ending": b"texts"}
    contents |= {"drawing.svg": b"<svg/>", "photo": b"\xff\xd8\xff\xe0" + bytes(4)}
    for path, content in contents.items():
        (tmp_path / path).write_bytes(content)
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    os.mkfifo(tmp_path / "pipe")
    row = examine(tmp_path / name, "shown", "cats", "test")
    assert (row.path, row.label, row.part, row.size) == ("shown", "cats", "test", size)
    assert row.problem.startswith(problem) and bool(row.problem) == bool(problem)
