"""What a killed sort left of one photo, and what becomes of it."""

import os

import pytest

from pawsight.sorting.journal import FOLDER, Entry, Journal
from pawsight.sorting.recovery import recover


@pytest.fixture
def recovered(tmp_path):
    """Recover one entry of five bytes; returns the files that are there then, and whether the
    entry still counts. Files are named by `source`, `target` and `part`, with their content."""
    into, home = tmp_path / "sorted", tmp_path / "home"
    (into / FOLDER).mkdir(parents=True)
    (into / "cats").mkdir()
    home.mkdir()
    paths = {
        "source": home / "a.jpg",
        "target": into / "cats" / "a.jpg",
        "part": into / "cats" / ".0001-3.pawsight-part",
    }

    def run(act, size=5, **files):
        for name, content in files.items():
            paths[name].write_bytes(content)
        if "source" in files:
            os.utime(paths["source"], ns=(7, 7))
        journal = Journal.create(str(into), {"how": "copy"})
        part = "cats/.0001-3.pawsight-part" if act in ("copy", "carry") else ""
        entry = Entry(3, act, str(paths["source"]), "cats/a.jpg", size, 7, "", part)
        journal.write(entry)
        recover(journal)
        there = {name: path.read_bytes() for name, path in paths.items() if path.is_file()}
        assert Journal.newest(str(into)).entries == journal.entries
        return there, 3 in journal.entries

    return run


@pytest.mark.parametrize(
    ("files", "left", "counts"),
    [
        # Renamed, and whatever has the old name now is another file.
        ({"target": b"photo"}, {"target": b"photo"}, True),
        ({"source": b"other", "target": b"photo"}, {"source": b"other", "target": b"photo"}, True),
        # The name was reserved by an empty file, and the photo did not get it.
        ({"source": b"photo", "target": b""}, {"source": b"photo"}, False),
        ({"source": b"photo"}, {"source": b"photo"}, False),
        # Gone from both places: it was moved on by its owner.
        ({}, {}, True),
    ],
)
def test_a_rename_counts_once_the_photo_has_its_name(recovered, files, left, counts):
    assert recovered("rename", **files) == (left, counts)


def test_an_empty_photo_is_no_reserved_name(recovered):
    assert recovered("rename", size=0, target=b"") == ({"target": b""}, True)


@pytest.mark.parametrize("act", ["copy", "carry"])
def test_a_copy_that_was_not_completed_is_removed(recovered, act):
    files = {"source": b"photo", "part": b"pho", "target": b""}
    assert recovered(act, **files) == ({"source": b"photo"}, False)


def test_a_copy_that_has_its_name_counts(recovered):
    both = {"source": b"photo", "target": b"photo"}
    assert recovered("copy", **both) == (both, True)


@pytest.mark.parametrize(
    ("source", "left"),
    [
        (b"photo", {"target": b"photo"}),
        (b"other", {"source": b"other", "target": b"photo"}),  # it changed meanwhile
    ],
)
def test_a_photo_that_was_carried_to_another_disk_is_removed_from_the_first(
    recovered, source, left
):
    assert recovered("carry", source=source, target=b"photo") == (left, True)


def test_a_photo_that_cannot_be_removed_is_not_doubled(recovered):
    # It was touched, so it is no longer the photo that was planned.
    both = {"source": b"photo", "target": b"photo"}
    assert recovered("carry", size=4, **both) == ({"source": b"photo"}, False)


@pytest.mark.parametrize("is_made", [True, False])
def test_a_link_counts_once_it_is_made(recovered, tmp_path, is_made):
    (tmp_path / "home" / "a.jpg").write_bytes(b"photo")
    if is_made:
        (tmp_path / "sorted" / "cats" / "a.jpg").symlink_to(tmp_path / "home" / "a.jpg")
    there, counts = recovered("link")
    assert set(there) == ({"source", "target"} if is_made else {"source"})
    assert counts is is_made


def test_parts_of_another_sort_stay(recovered, tmp_path):
    other = tmp_path / "sorted" / "cats" / ".0002-1.pawsight-part"
    for path in (other, other.with_name(".0001-9.pawsight-part")):
        path.write_bytes(b"half")
    recovered("copy", source=b"photo")
    assert [path.name for path in (tmp_path / "sorted" / "cats").iterdir()] == [other.name]
