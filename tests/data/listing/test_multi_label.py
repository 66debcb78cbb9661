"""Photos of several labels: what tables and folders of them become."""

import pytest

from pawsight.config import SourceConfig
from pawsight.data.listing.class_check import check_classes
from pawsight.data.listing.scan import scan
from pawsight.data.sources import fetch
from pawsight.errors import ConfigError, DataError
from pawsight.progress import Silent


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in "abcd":
        (folder / f"{name}.jpg").write_bytes(f"photo {name}".encode())
    return folder


def listed(photos, text, progress=None, **config):
    (photos / "labels.csv").write_text(text)
    config = SourceConfig(multi_label=True, **config)
    return scan(fetch(photos / "labels.csv", Silent()), progress or Silent(), config=config)


def labels(listing):
    return {photo.path: photo.label for photo in listing.photos if not photo.problem}


def test_a_column_for_each_label_may_mark_several_or_none(photos):
    text = "path,cat,dog\na.jpg,1,1\nb.jpg,0,1\nc.jpg,0,0\nd.jpg,1,0\n"
    listing = listed(photos, text)
    assert labels(listing) == {"a.jpg": "cat;dog", "b.jpg": "dog", "c.jpg": "", "d.jpg": "cat"}
    assert listing.class_names == ("cat", "dog")
    assert listing.labels([0, 1, 2, 3]).tolist() == [[1, 1], [0, 1], [0, 0], [1, 0]]
    check_classes(listing)


def test_lines_of_one_photo_add_up(photos, recorded):
    text = "path,label\na.jpg,dog\na.jpg,cat\nb.jpg,dog\na.jpg,dog\nc.jpg,\n"
    assert labels(listed(photos, text, recorded)) == {
        "a.jpg": "cat;dog",
        "b.jpg": "dog",
        "c.jpg": "",
    }
    assert "2 labels from" in recorded.notes[-1]
    assert "1 of 3 photos have several, 1 have none" in recorded.notes[-1]


def test_labels_in_one_cell_are_separated_as_chosen(photos):
    text = "path,label\na.jpg,dog| cat\nb.jpg,red dog\nc.jpg,dog\nd.jpg,red\n"
    listing = listed(photos, text, label_separator="|")
    assert labels(listing) == {
        **{"a.jpg": "cat;dog", "b.jpg": "red dog", "c.jpg": "dog", "d.jpg": "red"}
    }


def test_labels_in_one_cell_without_a_separator_are_asked_about(photos):
    text = 'path,label\na.jpg,"cat,dog"\nb.jpg,dog\nc.jpg,cat\n'
    with pytest.raises(DataError, match=r"'cat,dog' in labels\.csv .*\n.*--label-separator ','"):
        listed(photos, text)


def test_a_label_with_the_mark_that_joins_labels_is_refused(photos):
    with pytest.raises(DataError, match=r"must not contain ';': cat;big"):
        listed(photos, "path,label\na.jpg,cat;big\nb.jpg,dog\n", label_separator="|")


def test_two_labels_of_a_photo_are_asked_about_until_one_way_is_chosen(photos):
    (photos / "labels.csv").write_text("path,label\na.jpg,cat\na.jpg,dog\nb.jpg,dog\nc.jpg,cat\n")
    listing = scan(fetch(photos / "labels.csv", Silent()), Silent())
    with pytest.raises(
        DataError, match=r"has two labels.*\n.*--multi-label .*\n.*--exclude a\.jpg"
    ):
        check_classes(listing)


@pytest.mark.parametrize("copies", [("red/1.jpg", "round/other.jpg"), ("red/1.jpg", "round/1.jpg")])
def test_a_photo_in_two_class_folders_is_one_photo_with_both_labels(tmp_path, recorded, copies):
    for path in (*copies, "red/2.jpg", "round/3.jpg"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        # Equal sizes, so that only the bytes tell photos apart.
        (tmp_path / path).write_bytes(b"both" if path in copies else path[-9:].encode()[:4])
    config = SourceConfig(multi_label=True)
    listing = scan(fetch(tmp_path, Silent()), recorded, config=config)
    assert labels(listing) == {"red/1.jpg": "red;round", "red/2.jpg": "red", "round/3.jpg": "round"}
    assert any("1 photo is in several class folders" in note for note in recorded.notes)


def test_labels_can_be_joined_chosen_and_left_out_and_the_photo_stays(photos):
    text = "path,cat,dog,owl\na.jpg,1,1,0\nb.jpg,0,1,1\nc.jpg,0,0,1\n"
    joined = listed(photos, text, merge="pet=cat+dog")
    assert labels(joined) == {"a.jpg": "pet", "b.jpg": "owl;pet", "c.jpg": "owl"}
    chosen = listed(photos, text, classes="cat,dog")
    assert labels(chosen) == {"a.jpg": "cat;dog", "b.jpg": "dog", "c.jpg": ""}
    rest = listed(photos, text, exclude="owl")
    assert labels(rest) == {"a.jpg": "cat;dog", "b.jpg": "dog", "c.jpg": ""}


def test_one_label_alone_is_refused_with_what_to_do(photos):
    listing = listed(photos, "path,label\na.jpg,cat\nb.jpg,cat\nc.jpg,\n")
    with pytest.raises(DataError, match=r"only one label, 'cat'.*\n.*leave --multi-label out"):
        check_classes(listing)


def test_a_separator_without_several_labels_is_refused():
    with pytest.raises(ConfigError, match=r"set multi_label, too"):
        SourceConfig(label_separator=",")


def put(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())


def test_photos_beside_class_folders_have_none_of_the_labels(tmp_path):
    put(tmp_path, "train/cats/a.jpg", "train/dogs/b.jpg", "train/c.jpg", "d.jpg")
    put(tmp_path, "test/cats/a.jpg", "test/dogs/b.jpg", "test/c.jpg")
    config = SourceConfig(multi_label=True)
    found = scan(fetch(tmp_path, Silent()), Silent(), config=config)
    none = {
        photo.path: photo.part for photo in found.photos if not photo.label and not photo.problem
    }
    assert none == {"train/c.jpg": "train", "test/c.jpg": "test"}
    assert [photo.path for photo in found.photos if photo.problem] == ["d.jpg"]  # of no part


def test_a_class_folder_of_none_is_a_label_and_named(tmp_path, recorded):
    put(tmp_path, "cats/a.jpg", "dogs/b.jpg", "none/c.jpg")
    found = scan(fetch(tmp_path, Silent()), recorded, config=SourceConfig(multi_label=True))
    assert found.class_names == ("cats", "dogs", "none")
    assert any("--classes cats,dogs" in note for note in recorded.notes)
    config = SourceConfig(multi_label=True, classes="cats,dogs")
    found = scan(fetch(tmp_path, Silent()), Silent(), config=config)
    assert labels(found) == {"cats/a.jpg": "cats", "dogs/b.jpg": "dogs", "none/c.jpg": ""}


def test_copies_that_a_table_names_stay_two_photos(photos):
    (photos / "b.jpg").write_bytes((photos / "a.jpg").read_bytes())
    listing = listed(photos, "path,label\na.jpg,cat\nb.jpg,dog\nc.jpg,dog\n")
    assert labels(listing) == {"a.jpg": "cat", "b.jpg": "dog", "c.jpg": "dog"}
