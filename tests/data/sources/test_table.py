"""Tables of path and label: what each line becomes."""

import pytest

from pawsight.data.listing.scan import scan
from pawsight.data.sources import fetch
from pawsight.errors import DataError
from pawsight.progress import Silent


class Notes(Silent):
    def __init__(self):
        self.texts = []

    def note(self, text):
        self.texts.append(text)


@pytest.fixture
def pets(tmp_path):
    for path in ("pets/a.jpg", "pets/b.jpg", "outside.jpg"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"x")
    return tmp_path / "pets"


def listed(pets, text, progress=None, encoding="utf-8", name="labels.csv"):
    (pets / name).write_bytes(text.encode(encoding))
    return scan(fetch(pets / name, Silent()), progress or Silent())


def rows(listing):
    return [(p.path, p.label, p.part, p.problem) for p in listing.photos]


def test_each_line_is_a_row_sorted_by_path(pets):
    listing = listed(pets, "path,label\nb.jpg,dog\na.jpg,cat\n")
    assert rows(listing) == [("a.jpg", "cat", "", ""), ("b.jpg", "dog", "", "")]
    assert (listing.name, listing.root) == ("labels", pets)
    assert [p.size for p in listing.photos] == [1, 1]


def test_parts_are_read_whatever_their_spelling(pets):
    listing = listed(pets, "part,path,label\nTrain,a.jpg,cat\nval,b.jpg,cat\n")
    assert [p.part for p in listing.photos] == ["train", "validation"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_spreadsheets_write_is_read(pets, encoding, separator):
    text = f'Path{separator}Label\r\na.jpg{separator}"Épagneul, {separator} 🐶"\r\n\r\n'
    listing = listed(pets, text, encoding=encoding)
    assert rows(listing) == [("a.jpg", f"Épagneul, {separator} 🐶", "", "")]


@pytest.mark.parametrize("letter", ["\u2028", "\x85", "\x0c"])
def test_a_letter_that_some_take_for_a_line_end_stays_in_its_cell(pets, letter):
    listing = listed(pets, f"path,label\na.jpg,c{letter}t\n")
    assert rows(listing) == [("a.jpg", f"c{letter}t", "", "")]


def test_a_missing_photo_is_a_row_with_the_problem(pets):
    listing = listed(pets, "path,label\ngone.jpg,cat\na.jpg,cat\n")
    assert rows(listing)[1] == ("gone.jpg", "cat", "", "file not found")


def test_photos_outside_and_absolute_paths_are_allowed(pets):
    outside = pets.parent / "outside.jpg"
    listing = listed(pets, f"path,label\n../outside.jpg,cat\n{outside},cat\n{pets}/a.jpg,cat\n")
    assert sorted(rows(listing)) == sorted(
        [
            ("../outside.jpg", "cat", "", ""),
            (str(outside), "cat", "", ""),
            ("a.jpg", "cat", "", ""),
        ]
    )
    assert all((listing.root / p.path).is_file() for p in listing.photos)


def test_backslashes_of_windows_are_understood(pets):
    (pets / "cats").mkdir()
    (pets / "cats" / "c.jpg").write_bytes(b"x")
    assert rows(listed(pets, "path,label\ncats\\c.jpg,cat\n")) == [("cats/c.jpg", "cat", "", "")]


def test_a_repeated_line_counts_once(pets):
    notes = Notes()
    listing = listed(pets, "path,label\na.jpg,cat\n./a.jpg,cat\nb.jpg,dog\n", notes)
    assert len(listing.photos) == 2
    assert "1 line(s) of labels.csv name a photo for a second time" in notes.texts[0]


def test_a_photo_with_two_labels_has_none_and_says_why(pets):
    listing = listed(pets, "path,label\na.jpg,cat\na.jpg,dog\nb.jpg,dog\n")
    assert rows(listing)[0] == ("a.jpg", "", "", "the table gives two labels: 'cat' and 'dog'")


def test_a_photo_without_a_label_says_so(pets):
    assert rows(listed(pets, "path,label\na.jpg,\n"))[0][3] == "the table gives no label"


def test_a_file_that_is_no_photo_is_a_row_with_the_problem(pets):
    (pets / "notes.txt").write_text("x")
    (pets / "folder.jpg").mkdir()
    listing = listed(pets, "path,label\nnotes.txt,cat\nfolder.jpg,cat\n")
    assert [p.problem for p in listing.photos] == [
        "it is a folder, not a photo",
        "the file is not a photo",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,class\na.jpg,cat\n", r"no column path and no column label; .* file,class"),
        ("path\na.jpg\n", "no column label"),
        ("", r"its first line reads: \(nothing\)"),
        ("path,label\n", "names no photos"),
        ("path,label\na.jpg,cat\n,dog\n", "Line 3 .* has no path"),
        ("path,label,part\na.jpg,cat,trian\n", "Line 2 .* part 'trian'; it can be train"),
        ("path,label,part\na.jpg,cat,train\nb.jpg,cat,\n", "for 1 photos and none for the other 1"),
        ('path,label\na.jpg,"cat\n', "damaged in line 2"),
    ],
)
def test_a_table_that_makes_no_sense_says_where(pets, text, message):
    with pytest.raises(DataError, match=message):
        listed(pets, text)


def test_a_label_that_is_not_utf8_says_what_to_do(pets):
    with pytest.raises(DataError, match=r"Line 2 .* not UTF-8\.\nSave the table again"):
        listed(pets, "path,label\na.jpg,Épagneul\n", encoding="latin-1")


def test_a_table_beside_photos_without_classes_labels_them(pets):
    notes = Notes()
    (pets / "labels.csv").write_text("path,label\na.jpg,cat\nb.jpg,dog\n")
    listing = scan(fetch(pets, Silent()), notes)
    assert [p.label for p in listing.photos] == ["cat", "dog"]
    assert "Taking the labels from" in notes.texts[0]


def test_a_table_that_came_along_may_not_lead_outside(pets):
    (pets / "labels.csv").write_text("path,label\n../outside.jpg,cat\nb.jpg,dog\n")
    listing = scan(fetch(pets, Silent()))
    assert rows(listing)[0][3] == "the table leads outside its folder"


def test_another_csv_beside_class_folders_changes_nothing(pets):
    for name in ("cats", "dogs"):
        (pets.parent / "two" / name).mkdir(parents=True)
        (pets.parent / "two" / name / "a.jpg").write_bytes(b"x")
    (pets.parent / "two" / "labels.csv").write_text("path,label\ncats/a.jpg,dogs\n")
    listing = scan(fetch(pets.parent / "two", Silent()))
    assert [p.label for p in listing.photos] == ["cats", "dogs"]


TABLE = "path,label,Animal,group\na.jpg,cat,Tom,7\nb.jpg,cat,,8\n"


def groups(pets, text, group_by, name="labels.csv"):
    (pets / name).write_text(text)
    source = fetch(pets / name, Silent())
    return [photo.group for photo in scan(source, group_by=group_by).photos]


@pytest.mark.parametrize(
    ("group_by", "expected"), [("Animal", ["Tom", ""]), ("animal", ["Tom", ""]), (None, ["7", "8"])]
)
def test_photos_are_grouped_by_a_column(pets, group_by, expected):
    assert groups(pets, TABLE, group_by) == expected


def test_a_table_without_a_column_group_groups_nothing_unless_asked(pets):
    assert groups(pets, "path,label\na.jpg,cat\nb.jpg,cat\n", None) == ["", ""]


def test_a_column_to_group_by_that_is_missing_is_named_with_those_there_are(pets):
    with pytest.raises(DataError, match=r"no column 'owner'(.|\n)*path, label, animal, group"):
        groups(pets, TABLE, "owner")


def test_photos_of_a_table_are_grouped_by_their_folder(pets):
    text = "path,label\na.jpg,cat\n../outside.jpg,cat\n../pets/b.jpg,cat\n"
    listing = dict(zip("oab", groups(pets, text, "folder"), strict=True))
    assert listing == {"o": "..", "a": "", "b": ""}


def test_a_column_called_folder_comes_before_the_folders(pets):
    assert groups(pets, "path,label,folder\na.jpg,cat,x\nb.jpg,cat,y\n", "folder") == ["x", "y"]


def test_a_table_found_beside_the_photos_has_groups_too(tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("a", "b"):
        (tmp_path / "photos" / f"{name}.jpg").write_bytes(b"x")
    (tmp_path / "labels.csv").write_text(
        "path,label,animal\nphotos/a.jpg,cat,Tom\nphotos/b.jpg,dog,Rex\n"
    )
    found = scan(fetch(tmp_path, Silent()), group_by="animal").photos
    assert [photo.group for photo in found] == ["Tom", "Rex"]
