"""A photo in several class folders is one photo with all of their labels."""

import pytest

from pawsight.data.listing.joined_copies import joined_copies
from pawsight.records import Photo
from pawsight.task import MULTI_LABEL


@pytest.fixture
def join(tmp_path, recorded):
    """Join photos, given as (path, label, content, fields)."""

    def joined(*given):
        photos = []
        for path, label, content, *fields in given:
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).write_bytes(content)
            photos.append(Photo(path, label, size=len(content), **(fields[0] if fields else {})))
        found = joined_copies(tmp_path, photos, recorded)
        return [(photo.path, MULTI_LABEL.names_of(photo.label)) for photo in found]

    return joined


def test_copies_have_the_labels_of_all_their_folders(join, recorded):
    found = join(
        ("a/1.jpg", "a", b"one"),
        ("a/2.jpg", "a", b"two"),
        ("b/1.jpg", "b", b"one"),
        ("b/3.jpg", "b", b"six"),
    )
    assert found == [("a/1.jpg", ("a", "b")), ("a/2.jpg", ("a",)), ("b/3.jpg", ("b",))]
    assert recorded.notes == [
        "1 photo is in several class folders, such as a/1.jpg; each is one photo with all of its "
        "labels."
    ]


def test_what_is_in_one_class_or_in_two_parts_stays_apart(join, recorded):
    found = join(
        ("a/1.jpg", "a", b"one"),
        ("a/2.jpg", "a", b"one"),
        ("b/3.jpg", "b", b"three"),
        ("c/1.jpg", "c", b"four", {"part": "train"}),
        ("d/1.jpg", "d", b"four", {"part": "test"}),
        ("e/1.jpg", "e", b"fives", {"problem": "cut"}),
    )
    assert [path for path, _ in found] == [
        *("a/1.jpg", "a/2.jpg", "b/3.jpg", "c/1.jpg", "d/1.jpg", "e/1.jpg")
    ]
    assert recorded.notes == []


def test_a_photo_that_is_gone_meanwhile_is_left_as_it_is(join, tmp_path, recorded):
    (tmp_path / "a").mkdir()
    photos = [Photo("a/1.jpg", "a", size=3), Photo("b/1.jpg", "b", size=3)]
    assert [photo.path for photo in joined_copies(tmp_path, photos, recorded)] == [
        *("a/1.jpg", "b/1.jpg")
    ]


def test_two_are_counted(join, recorded):
    join(
        ("a/1.jpg", "a", b"one"),
        ("a/2.jpg", "a", b"two"),
        ("b/1.jpg", "b", b"one"),
        ("b/2.jpg", "b", b"two"),
    )
    assert recorded.notes[0].startswith("2 photos are in several class folders, such as a/1.jpg;")
