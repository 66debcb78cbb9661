"""Which photos are sorted, wherever the sorted folder is."""

import os

import pytest

from pawsight.errors import SourceError
from pawsight.progress import LoggedProgress, Silent
from pawsight.sorting.photo_search import find_photos

FOLDERS = ("cats", "dogs", "unsure")


@pytest.fixture
def find(tmp_path, monkeypatch, save_photo):
    """Find photos from inside `tmp_path`, and give their paths as text."""
    monkeypatch.chdir(tmp_path)

    def run(*sources, into="sorted"):
        found = find_photos([str(source) for source in sources], str(tmp_path / into), FOLDERS)
        return [photo for photo, _ in found.photos], found.num_left_out

    return run


def test_photos_of_a_folder_come_sorted_with_what_was_named(find, save_photo, tmp_path):
    for name in ("in/b.png", "in/a.png", "in/sub/c.png"):
        save_photo(name)
    found = find_photos(["in"], str(tmp_path / "sorted"), FOLDERS)
    assert found.photos == [("in/a.png", "in"), ("in/b.png", "in"), ("in/sub/c.png", "in")]


def test_photo_that_is_named_twice_is_found_once(find, save_photo, tmp_path):
    save_photo("in/a.png")
    (tmp_path / "again").symlink_to("in")
    assert find("in/a.png", "in", "./in/../in/a.png", "again", "in/*.png") == (["in/a.png"], 0)


def test_sorted_folder_inside_the_source_is_left_out(find, save_photo):
    for name in ("in/a.png", "in/sorted/cats/a.png", "in/sorted/other.png"):
        save_photo(name)
    assert find("in", into="in/sorted") == (["in/a.png"], 2)
    assert find("in/**/*.png", into="in/sorted") == (["in/a.png"], 2)


def test_sorted_folder_as_source_gives_what_is_not_sorted_yet(find, save_photo):
    for name in ("sorted/a.png", "sorted/cats/b.png", "sorted/inbox/c.png"):
        save_photo(name)
    assert find("sorted") == (["sorted/a.png", "sorted/inbox/c.png"], 1)


def test_folder_of_a_class_as_source_gives_all_its_photos(find, save_photo):
    for name in ("sorted/unsure/a.png", "sorted/cats/b.png"):
        save_photo(name)
    assert find("sorted/unsure") == (["sorted/unsure/a.png"], 0)


def test_file_that_is_named_is_never_left_out(find, save_photo):
    save_photo("sorted/cats/b.png")
    assert find("sorted/cats/b.png") == (["sorted/cats/b.png"], 0)


def test_link_to_the_sorted_folder_is_seen_through(find, save_photo, tmp_path):
    save_photo("real/cats/b.png")
    save_photo("in/a.png")
    os.symlink(tmp_path / "real", tmp_path / "sorted")  # noqa: PTH211
    os.symlink(tmp_path / "real", tmp_path / "in" / "all")  # noqa: PTH211
    assert find("in") == (["in/a.png"], 1)


def test_source_that_is_not_there_is_a_row_with_its_reason(find):
    photos, _ = find("gone/", "no*such")
    assert photos[0] == "gone/"  # the decoder says that there is no such file
    assert photos[1].error == "no photo matches this pattern"


def test_only_folders_without_photos_are_an_error(find, save_photo, tmp_path):
    (tmp_path / "empty").mkdir()
    save_photo("in/a.png")
    assert find("empty", "in") == (["in/a.png"], 0)
    with pytest.raises(SourceError, match=r"There are no photos in empty\."):
        find("empty")


def test_libraries_of_photo_programs_are_not_entered_and_are_named(save_photo, tmp_path):
    library = "in/Photos Library.photoslibrary"
    for name in (f"{library}/originals/0/a.png", "in/@eaDir/b.png", "in/c.png"):
        save_photo(name)
    for source in ("in", "in/**/*.png"):
        found = find_photos([str(tmp_path / source)], str(tmp_path / "sorted"), FOLDERS)
        assert [photo for photo, _ in found.photos] == [str(tmp_path / "in" / "c.png")]
        log = tmp_path / "log.txt"
        found.left_out.report(LoggedProgress(Silent(), log))
        notes = log.read_text()
        assert "Photos Library.photoslibrary (library of Apple Photos)" in notes
        assert "@eaDir (thumbnails of a Synology NAS)" in notes


def test_a_raw_file_beside_its_photo_is_no_photo_of_its_own(find, save_photo, tmp_path):
    save_photo("in/a.png")
    for name in ("a.NEF", "b.NEF"):
        (tmp_path / "in" / name).write_bytes(b"raw")
    photos, _ = find("in")
    assert [getattr(photo, "path", photo) for photo in photos] == ["in/a.png", "in/b.NEF"]
