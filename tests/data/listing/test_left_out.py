"""Folders of other programs, pawsight's own results, and what the user excludes."""

from collections import Counter

import pytest

from pawsight.config import SourceConfig
from pawsight.data.file_types import belongs_to, package_of
from pawsight.data.listing.left_out import LeftOut
from pawsight.data.listing.scan import scan
from pawsight.data.sources import fetch
from pawsight.errors import DataError, SourceError
from pawsight.progress import Silent


class Notes(Silent):
    def __init__(self):
        self.texts = []

    def note(self, text):
        self.texts.append(text)


@pytest.fixture
def pets(tmp_path):
    root = tmp_path / "pets"
    put(root, "cats/a.jpg", "cats/b.jpg", "dogs/c.jpg", "dogs/old/d.jpg", "to check/e.jpg")
    return root


def put(root, *paths, data=b"x"):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)


def counts(root, notes=None, group_by=None, **options):
    listing = scan(fetch(root, Silent()), notes or Notes(), group_by, SourceConfig(**options))
    return dict(Counter(p.label for p in listing.photos))


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("#recycle", "recycle bin of a Synology"),
        ("@Recycle", "recycle bin of a QNAP"),
        ("$RECYCLE.BIN", "recycle bin of Windows"),
        ("RECYCLER", "recycle bin of Windows"),
        ("@eaDir", "thumbnails of a Synology"),
        (".Trash-1000", "trash of Linux"),
        ("_gsdata_", "GoodSync"),
        (".picasaoriginals", "Picasa"),
        (".thumbnails", "thumbnails"),
        ("lost+found", "Linux file system"),
        ("Previews.lrdata", "previews of Lightroom"),
        ("Photos Library.photoslibrary", "library of Apple Photos"),
    ],
)
def test_folders_of_other_programs_are_not_entered_and_named(pets, name, program):
    put(pets, f"{name}/cats/deleted.jpg", f"cats/{name}/x.jpg")
    notes = Notes()
    assert counts(pets, notes) == {"cats": 2, "dogs": 2, "to check": 1}
    note = next(text for text in notes.texts if text.startswith("Left out"))
    assert name in note
    assert f"cats/{name}" in note
    assert program in note


@pytest.mark.parametrize("name", ["recycled", "trash", "found", "lightroom", "photos"])
def test_names_that_classes_may_have_are_no_system_folders(name):
    assert belongs_to(name) == package_of(name) == ""


@pytest.mark.parametrize("other", ["config.json", "audit.json"])
def test_results_of_pawsight_are_left_out_and_named(pets, other):
    for path in ("run", "cats/run"):
        put(pets, f"{path}/catalog.csv", data=b"path,label,part,sha256\n")
        put(pets, f"{path}/{other}", f"{path}/figures/curves.png", f"{path}/x.jpg")
    notes = Notes()
    assert counts(pets, notes) == {"cats": 2, "dogs": 2, "to check": 1}
    assert "Left out: cats/run, run (results of pawsight)." in notes.texts


def test_a_folder_that_pawsight_sorted_is_left_out_and_named_but_may_be_the_source(pets):
    put(pets, "sorted/.pawsight-sort/0001.jsonl", "sorted/cats/a.jpg", "sorted/dogs/c.jpg")
    notes = Notes()
    assert counts(pets, notes) == {"cats": 2, "dogs": 2, "to check": 1}
    why = "sorted by pawsight; to train on it, give it as the source"
    assert f"Left out: sorted ({why})." in notes.texts
    assert counts(pets / "sorted") == {"cats": 1, "dogs": 1}


def test_a_catalog_of_somebody_else_is_no_result_of_pawsight(pets):
    put(pets, "cats/catalog.csv", "cats/config.json", data=b"id,name\n")
    assert counts(pets)["cats"] == 2


def test_a_run_is_not_trained_on(pets):
    put(pets, "run/catalog.csv", data=b"path,label,sha256\n")
    put(pets, "run/config.json", "run/x.jpg")
    with pytest.raises(SourceError, match="holds results of pawsight"):
        counts(pets / "run")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("to check", {"cats": 2, "dogs": 2}),
        ("to*", {"cats": 2, "dogs": 2}),
        ("old", {"cats": 2, "dogs": 1, "to check": 1}),
        ("dogs/old", {"cats": 2, "dogs": 1, "to check": 1}),
        ("[ab].jpg", {"dogs": 2, "to check": 1}),
        ("cats/a.jpg", {"cats": 1, "dogs": 2, "to check": 1}),
    ],
)
def test_folders_and_files_are_excluded_by_name_or_path(pets, pattern, expected):
    notes = Notes()
    assert counts(pets, notes, exclude=pattern) == expected
    assert any(text.startswith(f"Left out by --exclude '{pattern}': ") for text in notes.texts)


def test_a_pattern_that_matches_nothing_is_named(pets):
    notes = Notes()
    counts(pets, notes, exclude=["cat", "to check"])
    assert "--exclude 'cat' matches nothing." in notes.texts


def test_name_with_brackets_is_excluded_as_it_is_written(pets):
    put(pets, "cats/a [1].jpg", "dogs [2]/a.jpg")
    assert counts(pets, exclude=["cats/a [1].jpg", "dogs [2]"]) == {
        "cats": 2,
        "dogs": 2,
        "to check": 1,
    }


def test_only_wanted_classes_are_used(pets):
    notes = Notes()
    assert counts(pets, notes, classes="cats,dogs") == {"cats": 2, "dogs": 2}
    assert "1 photo of another class is left out: to check." in notes.texts


def test_classes_are_merged_before_they_are_chosen(pets):
    found = counts(pets, merge="pets=cats+dogs", classes=("pets", "to check"))
    assert found == {"pets": 4, "to check": 1}


def test_advice_on_classes_that_differ_in_a_space_works(pets):
    put(pets, "cats /x.jpg")
    notes = Notes()
    counts(pets, notes)
    assert any("To merge them: --merge 'cats=cats '" in text for text in notes.texts)
    assert counts(pets, merge="cats=cats ") == {"cats": 3, "dogs": 2, "to check": 1}


def test_class_that_is_merged_into_two_is_named(pets):
    with pytest.raises(DataError, match=r"--merge puts the class cats into a and into b"):
        counts(pets, merge=["a=cats", "b=cats"])


@pytest.mark.parametrize("option", [{"classes": "cats,birds"}, {"merge": "x=cats+birds"}])
def test_a_class_that_is_not_there_is_named_with_those_there_are(pets, option):
    with pytest.raises(DataError, match=r"names birds(.|\n)*cats, dogs, to check"):
        counts(pets, **option)


@pytest.fixture
def patients(tmp_path):
    root = tmp_path / "scans"
    put(root, "ill/person1_a.jpg", "ill/person1_b.jpg", "ill/person12.jpg", "well/person3.jpg")
    put(root, "well/other.jpg")
    return root


def groups(root, group_by, notes=None):
    listing = scan(fetch(root, Silent()), notes or Notes(), group_by)
    return {p.path: p.group for p in listing.photos}


def test_photos_are_grouped_by_what_a_pattern_finds_in_their_names(patients):
    notes = Notes()
    assert groups(patients, r"person(\d+)", notes) == {
        "ill/person12.jpg": "12",
        "ill/person1_a.jpg": "1",
        "ill/person1_b.jpg": "1",
        "well/other.jpg": "",
        "well/person3.jpg": "3",
    }
    assert "4 photos in 3 groups; 1 without a group." in notes.texts


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (r"animal(\d+)", "matches none of the 5 photos"),
        ("person(", "not a valid regular expression"),
        (r"person(?:\d+)", "has no group"),
    ],
)
def test_a_pattern_that_cannot_group_is_an_error(patients, pattern, message):
    with pytest.raises(DataError, match=message):
        groups(patients, pattern)


def test_a_group_in_two_parts_is_named(tmp_path):
    root = tmp_path / "scans"
    put(root, *(f"{part}/{name}/person1.jpg" for part in ("train", "test") for name in "ab"))
    notes = Notes()
    groups(root, r"person(\d+)", notes)
    assert any("such as 1 in train and test" in text for text in notes.texts)


@pytest.mark.parametrize(("count", "more"), [(3, ""), (4, " and 1 more")])
def test_three_of_what_was_left_out_are_named_in_order(recorded, count, more):
    left_out = LeftOut(["odd*", "none"])
    for number in reversed(range(count)):
        assert not left_out.takes_folder(f"odd {number}")
        assert left_out.excludes(f"{number}/odd.jpg")
    left_out.report(recorded)
    found = [f"{number}/odd.jpg" for number in range(3)]
    assert recorded.notes[0].startswith(f"Left out by --exclude 'odd*': {', '.join(found)} and ")
    assert recorded.notes[1] == "--exclude 'none' matches nothing."
    packages = LeftOut()
    for number in reversed(range(count)):
        assert not packages.takes_folder(f"{number}.photoslibrary")
    packages.report(recorded)
    names = "0.photoslibrary, 1.photoslibrary, 2.photoslibrary"
    assert recorded.notes[2].startswith(f"Left out: {names}{more} (")


@pytest.mark.parametrize(
    ("names", "heading", "is_taken"),
    [
        ({"catalog.csv", "config.json"}, "path,label,sha256", False),
        ({"catalog.csv", "audit.json"}, "path,label,sha256", False),
        ({"catalog.csv", "config.json", "a.txt"}, "path,label", True),  # of somebody else
        ({"catalog.csv", "notes.txt"}, "path,label,sha256", True),
        ({"config.json", "audit.json"}, "path,label,sha256", True),
    ],
)
def test_results_are_known_by_their_catalog_beside_other_files(
    tmp_path, recorded, names, heading, is_taken
):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "catalog.csv").write_text(f"{heading}\n")
    left_out = LeftOut()
    assert left_out.takes_content(str(tmp_path), "runs", names) is is_taken
    left_out.report(recorded)
    assert recorded.notes == ([] if is_taken else ["Left out: runs (results of pawsight)."])


def test_a_catalog_that_is_gone_is_no_result(tmp_path):
    assert LeftOut().takes_content(str(tmp_path), "", {"catalog.csv", "config.json"})
