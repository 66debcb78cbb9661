"""The index of ingest: which photos it knows, and which it no longer does."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pawsight.data.reading.ingest_index import Index, describe_file
from pawsight.records import Photo

A, B, C = (
    Photo(f"{name}.jpg", "cats", size=size, mtime_ns=7, format="JPEG", width=size, height=3)
    for name, size in (("a", 5), ("b", 6), ("c", 7))
)


def listed(photo):
    """A photo as it is listed, without its facts."""
    return Photo(photo.path, photo.label, size=photo.size, mtime_ns=photo.mtime_ns)


@pytest.fixture
def index():
    found = Index(None)
    found.describe({"root": b"/pets", "number": 1})
    return found


def known(index, *photos, keep_truncated=False):
    return index.look_up([listed(photo) for photo in photos], keep_truncated)


def test_photos_that_have_not_changed_are_known_with_their_facts_and_rows(index):
    index.add([(A, 4, ""), (B, -1, ""), (C, 2, "")], False)
    found = known(index, A, B, C)
    assert found.photos == [A, B, C]
    assert found.rows.tolist() == [4, -1, 2]
    assert found.is_known.tolist() == [True] * 3
    # Two have rows, of which the last is 4.
    assert (found.num_rows, found.next_row, found.unmatched, found.applied) == (2, 5, [], {})


def test_an_empty_index_knows_nothing(index):
    found = known(index, A, B)
    assert found.photos == [listed(A), listed(B)]
    assert found.rows.tolist() == [-1, -1] and not found.is_known.any()
    assert (found.num_rows, found.next_row, found.unmatched) == (0, 0, [])


def test_photos_that_changed_or_are_gone_are_unmatched(index):
    index.add([(A, 0, ""), (B, 1, ""), (C, 2, "")], False)
    found = known(index, replace(A, size=9), C)
    assert found.is_known.tolist() == [False, True]
    assert found.unmatched == [b"a.jpg", b"b.jpg"]
    assert (found.num_rows, found.next_row) == (3, 3)
    assert known(index, replace(A, mtime_ns=8)).unmatched == [b"a.jpg", b"b.jpg", b"c.jpg"]


def test_a_new_photo_between_known_ones_is_not_known(index):
    index.add([(A, 0, ""), (C, 1, "")], False)
    found = known(index, A, B, C)
    assert (found.is_known.tolist(), found.rows.tolist()) == ([True, False, True], [0, -1, 1])


@pytest.mark.parametrize(
    ("damage", "kept", "is_known"),
    [
        ({}, False, True),  # a sound photo is read in the same way
        ({}, True, True),
        ({"flaw": "cut"}, True, True),
        ({"flaw": "cut"}, False, False),
        ({"problem": "cut"}, True, True),
        ({"problem": "cut"}, False, False),
    ],
)
def test_a_damaged_photo_is_known_by_the_way_it_was_read(index, damage, kept, is_known):
    index.add([(replace(A, **damage), 0, "")], True)
    found = known(index, A, keep_truncated=kept)
    assert (found.is_known.tolist(), found.unmatched) == ([is_known], [])


def test_a_photo_that_cannot_be_opened_now_is_not_taken_from_the_index(index):
    index.add([(A, 0, "")], False)
    found = index.look_up([replace(listed(A), problem="not allowed")], False)
    assert (found.is_known.tolist(), found.unmatched) == ([False], [])


def test_the_rule_of_deep_pixels_is_kept(index):
    index.add([(replace(A, samples="uint16 0 4095"), 0, "0..4095"), (B, 1, "x")], False)
    assert known(index, A, B).applied == {0: "0..4095"}


def test_a_row_that_the_disk_damaged_is_not_believed(index):
    index.add([(A, 3, ""), (B, 1, "")], False)
    index._database.execute("UPDATE photos SET width = 99 WHERE path = ?", (b"a.jpg",))
    found = known(index, A, B)
    assert (found.is_known.tolist(), found.unmatched) == ([False, True], [b"a.jpg"])
    assert (found.num_rows, found.next_row) == (1, 2)


def test_photos_get_new_rows_with_sound_checksums(index):
    index.add([(A, 4, ""), (B, -1, ""), (C, 2, "")], False)
    assert index.rows() == [(2, b"c.jpg"), (4, b"a.jpg")]
    index.renumber([b"c.jpg", b"a.jpg"], 9)
    found = known(index, A, B, C)
    assert (found.rows.tolist(), found.unmatched) == ([1, -1, 0], [])
    assert index.describe({"number": 3})["number"] == 9  # what is written stays
    assert index.rows() == [(0, b"c.jpg"), (1, b"a.jpg")]


def test_names_of_any_letters_are_in_the_order_of_their_bytes(index):
    names = ["b.jpg", "é.jpg", "\udcff.jpg", "\U0001f431.jpg", "ﬁ.jpg"]
    photos = sorted((replace(A, path=name) for name in names), key=lambda one: one.path)
    index.add([(photo, row, "") for row, photo in enumerate(photos)], False)
    found = known(index, *photos)
    assert found.rows.tolist() == [0, 1, 2, 3, 4]
    assert found.photos == photos


def test_what_is_gone_is_forgotten_and_what_is_there_stays(index, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"12345")
    os.utime(tmp_path / "a.jpg", ns=(7, 7))
    (tmp_path / "b.jpg").write_bytes(b"1")
    index.add([(A, 0, ""), (B, 1, ""), (C, -1, "")], False)
    assert index.forget([b"a.jpg", b"b.jpg", b"c.jpg"], tmp_path) == 1
    assert known(index, A, B, C).is_known.tolist() == [True, False, False]


def test_an_index_tells_its_folder_and_how_many_photos_it_has(tmp_path):
    path = tmp_path / "an index?.sqlite"
    index = Index(path)
    index.describe({"root": os.fsencode(Path("/pets"))})
    index.add([(A, 0, ""), (B, 1, "")], False)
    index.commit()
    index.close()
    assert describe_file(path) == ("/pets", 2)
    path.write_bytes(b"no database, but long enough to be one" * 50)
    assert describe_file(path) == ("", 0)
    assert describe_file(tmp_path / "gone.sqlite") == ("", 0)
