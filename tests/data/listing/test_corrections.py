"""A table of corrections changes labels, and no file."""

import pytest

from pawsight.config import SourceConfig
from pawsight.data.listing.scan import scan
from pawsight.data.sources import fetch
from pawsight.errors import DataError, SourceError
from pawsight.progress import Silent


def put(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x")
    return root


@pytest.fixture
def pets(tmp_path):
    return put(tmp_path / "pets", "cats/a.jpg", "cats/b.jpg", "dogs/c.jpg", "dogs/d.jpg")


def listed(root, progress=None, **settings):
    return scan(fetch(root, Silent()), progress or Silent(), config=SourceConfig(**settings)).photos


def labels(root, progress=None, **settings):
    return {photo.path: photo.label for photo in listed(root, progress, **settings)}


def test_a_table_of_corrections_among_the_photos_is_used_and_named(pets, recorded):
    (pets / "corrections.csv").write_text("path,label\ncats/b.jpg,dogs\ndogs/c.jpg,dogs\n")
    assert labels(pets, recorded) == {
        "cats/a.jpg": "cats",
        "cats/b.jpg": "dogs",
        "dogs/c.jpg": "dogs",
        "dogs/d.jpg": "dogs",
    }
    assert f"1 label is corrected by {pets / 'corrections.csv'}." in recorded.notes
    assert labels(pets, labels="none")["cats/b.jpg"] == "cats"


def test_a_named_table_wins_over_the_one_among_the_photos(pets, tmp_path, recorded):
    (pets / "corrections.csv").write_text("path,label\ncats/b.jpg,dogs\n")
    other = tmp_path / "mine.csv"
    other.write_text("label;path\nbirds;d.jpg\n")  # found by its name, as other tables are
    found = labels(pets, recorded, labels=str(other))
    assert (found["cats/b.jpg"], found["dogs/d.jpg"]) == ("cats", "birds")
    assert "New classes by the corrections: birds." in recorded.notes


def test_corrections_come_before_classes_are_joined(pets):
    (pets / "corrections.csv").write_text("path,label\ncats/b.jpg,wolves\n")
    assert labels(pets, merge={"dogs": ("dogs", "wolves")})["cats/b.jpg"] == "dogs"


def test_a_photo_without_a_label_in_the_corrections_is_left_out(pets):
    (pets / "corrections.csv").write_text("path,label\ncats/b.jpg,\n")
    photo = next(one for one in listed(pets) if one.path == "cats/b.jpg")
    assert photo.problem == "the corrections give it no label"


def test_corrections_beside_a_table_of_labels_are_no_second_table_of_labels(tmp_path):
    put(tmp_path, "images/1.jpg", "images/2.jpg")
    table = "path,label\nimages/1.jpg,cats\nimages/2.jpg,dogs\n"
    (tmp_path / "labels.csv").write_text(table)
    (tmp_path / "corrections.csv").write_text("path,label\nimages/2.jpg,cats\n")
    assert labels(tmp_path) == {"images/1.jpg": "cats", "images/2.jpg": "cats"}
    assert labels(tmp_path / "labels.csv") == {"images/1.jpg": "cats", "images/2.jpg": "cats"}


def test_cells_written_for_spreadsheets_are_read_back(tmp_path):
    put(tmp_path, "=1/=x.jpg", "cats/b.jpg")
    (tmp_path / "corrections.csv").write_text("path,label\n./=1/=x.jpg,'=2\ncats/b.jpg,'tis\n")
    assert labels(tmp_path) == {"=1/=x.jpg": "=2", "cats/b.jpg": "'tis"}


def test_photos_that_are_not_there_are_named(pets, tmp_path, recorded):
    (pets / "corrections.csv").write_text("path,label\ncats/b.jpg,dogs\ngone.jpg,dogs\n")
    labels(pets, recorded)
    assert "1 photo of the table was not found: gone.jpg." in recorded.notes
    other = tmp_path / "mine.csv"
    other.write_text("path,label\ngone.jpg,dogs\n")
    with pytest.raises(DataError, match=r"No photo that .*mine.csv names is in"):
        labels(pets, labels=str(other))


def test_contradictory_and_missing_tables_are_errors(pets, tmp_path):
    (pets / "corrections.csv").write_text("path,label\ncats/b.jpg,dogs\ncats/b.jpg,cats\n")
    with pytest.raises(DataError, match="Line 3 of"):
        labels(pets)
    with pytest.raises(SourceError, match=r"There is no table of corrections .*none.csv"):
        labels(pets, labels=str(tmp_path / "none.csv"))


@pytest.mark.parametrize("rows", ["cats/a.jpg,dogs\ndogs/c.jpg,cats\n", "cats/a.jpg,dogs\n"])
def test_a_named_table_among_the_photos_is_no_table_of_classes(pets, recorded, rows):
    (pets / "fix.csv").write_text(f"path,label\n{rows}")
    assert labels(pets, recorded, labels=str(pets / "fix.csv"))["cats/a.jpg"] == "dogs"
    assert not any("No classes are found" in note for note in recorded.notes)


def test_a_correction_of_a_name_in_two_folders_names_both(pets, recorded):
    put(pets, "dogs/a.jpg")
    (pets / "corrections.csv").write_text("path,label\na.jpg,dogs\ncats/b.jpg,dogs\n")
    labels(pets, recorded)
    where = "a.jpg, it could be cats/a.jpg, dogs/a.jpg. Add the folder of the photo to the path."
    assert f"Not corrected: {where}" in recorded.notes
    assert not any("are not there" in note for note in recorded.notes)
