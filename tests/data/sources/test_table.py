"""Tables of path and label: what each line becomes."""

import unicodedata

import pytest

from pawsight.config import SourceConfig
from pawsight.data.listing.class_check import check_classes
from pawsight.data.listing.scan import scan
from pawsight.data.sources import fetch
from pawsight.data.sources.table import read_rows, read_table
from pawsight.errors import ConfigError, DataError, SourceError
from pawsight.formatting import printable
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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_spreadsheets_write_is_read(pets, encoding, separator):
    text = f'Path{separator}Label\r\na.jpg{separator}"Épagneul, {separator} 🐶"\r\n\r\n'
    listing = listed(pets, text, encoding=encoding)
    assert rows(listing) == [("a.jpg", f"Épagneul, {separator} 🐶", "", "")]


@pytest.mark.parametrize("letter", ["\u2028", "\x85", "\x0c"])
def test_a_letter_that_some_take_for_a_line_end_stays_in_its_cell(pets, letter):
    listing = listed(pets, f"path,label\na.jpg,c{letter}t\n")
    assert rows(listing) == [("a.jpg", f"c{printable(letter)}t", "", "")]


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
    assert "1 line of labels.csv names a photo that an earlier line names" in notes.texts[0]


def test_a_photo_with_two_labels_has_none_and_explains_why(pets):
    listing = listed(pets, "path,label\na.jpg,cat\na.jpg,dog\nb.jpg,dog\n")
    assert rows(listing)[0] == ("a.jpg", "", "", "the table gives two labels: 'cat' and 'dog'")


def test_a_photo_without_a_label_reports_it(pets):
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
        ("where,what\na,cat\n", r"no column path and no column label; .* where,what"),
        ("path\na.jpg\n", "no column label"),
        ("", r"its first line reads: \(nothing\)"),
        ("path,label\n", "names no photos"),
        ("path,label\na.jpg,cat\n,dog\n", "Line 3 .* has no path"),
        ("path,label,part\na.jpg,cat,trian\n", "Line 2 .* part 'trian'; it can be train"),
        ("path,label,part\na.jpg,cat,train\nb.jpg,cat,\n", "for 1 photos and no part for 1"),
        ('path,label\na.jpg,"cat\n', r"damaged in line 2: [^\n]*\nA cell that begins with a quote"),
    ],
)
def test_an_invalid_table_is_reported_with_its_line(pets, text, message):
    with pytest.raises(DataError, match=message):
        listed(pets, text)


def test_a_label_that_is_not_utf8_explains_what_to_do(pets):
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
    assert rows(listing)[0][3] == "its path leads outside of the folder"


def test_another_csv_beside_class_folders_changes_nothing(pets):
    for name in ("cats", "dogs"):
        (pets.parent / "two" / name).mkdir(parents=True)
        (pets.parent / "two" / name / "a.jpg").write_bytes(b"x")
    (pets.parent / "two" / "labels.csv").write_text("path,label\ncats/a.jpg,dogs\n")
    listing = scan(fetch(pets.parent / "two", Silent()))
    assert [p.label for p in listing.photos] == ["cats", "dogs"]


@pytest.mark.parametrize(
    "text",
    [
        "Datei;Klasse\npart_1/a.jpg;Kätzchen\npart_2/a.jpg;Hund\n".encode("cp1252"),
        b"part_1/a.jpg,dog\npart_2/a.jpg,cat\n",  # no headings
        b"path,cat,dog\npart_1/a.jpg,0.9,0.1\npart_2/a.jpg,0.2,0.8\n",
    ],
)
def test_a_table_without_classes_beside_folders_is_named(pets, text):
    folder = pets.parent / "two"
    for name in ("part_1", "part_2"):
        (folder / name).mkdir(parents=True)
        (folder / name / "a.jpg").write_bytes(b"x")
    (folder / "Tabelle.csv").write_bytes(text)
    notes = Notes()
    scan(fetch(folder, Silent()), notes)
    (note,) = (one for one in notes.texts if "Tabelle.csv" in one)
    assert note == (
        "No classes are found in Tabelle.csv, so the folders give them. To read why, give the "
        "table as the source."
    )


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
    with pytest.raises(DataError, match=r"no column 'owner'(.|\n)*path, label, Animal, group"):
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


@pytest.mark.parametrize(
    ("headings", "unused"),
    [
        ("id,breed", ""),
        ("Image Name,Species", ""),
        ("filename,class,width,height", "width, height"),
        ("image_id,dx,age", "age"),
        ("image,id,choice,annotator", "id, annotator"),
    ],
)
def test_usual_headings_are_known_and_unused_columns_named(pets, headings, unused):
    rest = ",7" * (headings.count(",") - 1)
    if headings.startswith("image,id"):
        text = f"{headings}\na.jpg,1,cat,me\nb.jpg,2,dog,me\n"
    else:
        text = f"{headings}\na.jpg,cat{rest}\nb.jpg,dog{rest}\n"
    notes = Notes()
    listing = listed(pets, text, notes)
    assert rows(listing) == [("a.jpg", "cat", "", ""), ("b.jpg", "dog", "", "")]
    recorded = [text for text in notes.texts if text.startswith("Columns that give no labels")]
    assert recorded == (
        [f"Columns that give no labels: {unused}. The report has the accuracy by their values."]
        if unused
        else []
    )


def chosen(pets, text, notes=None, **options):
    (pets / "labels.csv").write_text(text)
    config = SourceConfig(**options)
    return scan(fetch(pets / "labels.csv", Silent()), notes or Silent(), config=config)


def test_columns_can_be_chosen(pets):
    text = "where,what,when\na.jpg,cat,exam\nb.jpg,dog,lesson\n"
    listing = chosen(
        pets, text, columns="path=where,label=what,part=when", parts="test=exam,train=lesson"
    )
    assert rows(listing) == [("a.jpg", "cat", "test", ""), ("b.jpg", "dog", "train", "")]


def test_a_chosen_column_that_is_missing_is_named_with_those_there_are(pets):
    with pytest.raises(DataError, match=r"no column 'x', which --columns.*(.|\n)*where, what"):
        chosen(pets, "where,what\na.jpg,cat\n", columns="path=where,label=x")


def test_two_columns_that_could_be_labels_are_asked_about(pets):
    text = "path,breed,species\na.jpg,pug,dog\n"
    with pytest.raises(DataError, match=r"breed, species(.|\n)*--columns label=breed"):
        listed(pets, text)
    assert rows(chosen(pets, text, columns="label=breed")) == [("a.jpg", "pug", "", "")]


@pytest.mark.parametrize("heading", ["split", "Set", "subset"])
def test_parts_are_taken_from_a_column_of_another_name(pets, heading):
    notes = Notes()
    listing = listed(pets, f"path,label,{heading}\na.jpg,cat,train\nb.jpg,dog,val\n", notes)
    assert [p.part for p in listing.photos] == ["train", "validation"]
    assert notes.texts[-1] == (
        "2 classes from the column label of labels.csv: cat, dog; "
        f"parts train and validation by its column {heading}."
    )


def test_parts_of_a_table_can_be_ignored(pets):
    notes = Notes()
    listing = chosen(
        pets, "path,label,split\na.jpg,cat,train\nb.jpg,dog,val\n", notes, parts="none"
    )
    assert [p.part for p in listing.photos] == ["", ""]
    assert any(t.startswith("Columns that give no labels: split.") for t in notes.texts)


def test_a_column_called_set_that_holds_no_parts_is_named_as_unused(pets):
    notes = Notes()
    listing = listed(pets, "path,label,set\na.jpg,cat,A\nb.jpg,dog,B\n", notes)
    assert [p.part for p in listing.photos] == ["", ""]
    assert any(t.startswith("Columns that give no labels: set.") for t in notes.texts)
    assert any("--columns part=set --parts train=VALUE,test=VALUE" in t for t in notes.texts)
    config = SourceConfig(columns="part=set", parts="train=A,test=B")
    assert [p.part for p in scan(fetch(pets / "labels.csv", Silent()), config=config).photos] == [
        "train",
        "test",
    ]


def test_a_misspelt_part_among_others_is_an_error(pets):
    text = "path,label,split\na.jpg,cat,Train\nb.jpg,dog,tset\n"
    with pytest.raises(DataError, match=r"Line 3 of .* has the part 'tset'; it can be train"):
        listed(pets, text)


def test_a_photo_in_two_parts_is_an_error(pets):
    with pytest.raises(DataError, match=r"Line 3 of .* puts a\.jpg into the part 'test'"):
        listed(pets, "path,label,part\na.jpg,cat,train\na.jpg,cat,test\nb.jpg,dog,train\n")


@pytest.mark.parametrize("one", ["1", "1.0"])
def test_a_column_for_each_class_gives_the_labels(pets, one):
    (pets / "c.jpg").write_bytes(b"x")
    text = f"filename, cat, dog\na.jpg, {one}, 0\nb.jpg, 0, {one}\nc.jpg, 0, 0\n"
    assert rows(listed(pets, text)) == [
        ("a.jpg", "cat", "", ""),
        ("b.jpg", "dog", "", ""),
        ("c.jpg", "", "", "the table gives no label"),
    ]


def test_two_classes_of_a_photo_in_such_a_table_are_two_labels(pets):
    listing = listed(pets, "image,cat,dog\na.jpg,1,1\nb.jpg,0,1\n")
    assert listing.photos[0].problem == "the table gives two labels: 'cat' and 'dog'"
    with pytest.raises(DataError, match=r"1 photo has two labels, such as a\.jpg \(cat, dog\)"):
        check_classes(listing)


def test_a_table_in_each_part_gives_its_labels(tmp_path):
    for part in ("train", "valid", "test"):
        (tmp_path / part).mkdir()
        for name in ("a.jpg", "b.jpg"):
            (tmp_path / part / name).write_bytes(b"x")
        (tmp_path / part / "_classes.csv").write_text("filename, cat, dog\na.jpg,1,0\nb.jpg,0,1\n")
    listing = scan(fetch(tmp_path, Silent()))
    assert [(p.path, p.label, p.part) for p in listing.photos] == [
        ("test/a.jpg", "cat", "test"),
        ("test/b.jpg", "dog", "test"),
        ("train/a.jpg", "cat", "train"),
        ("train/b.jpg", "dog", "train"),
        ("valid/a.jpg", "cat", "validation"),
        ("valid/b.jpg", "dog", "validation"),
    ]


def test_a_table_labels_the_photos_of_parts_without_class_folders(tmp_path):
    for path in ("train/a.jpg", "train/b.jpg", "test/c.jpg"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"x")
    (tmp_path / "labels.csv").write_text("id,breed\na,pug\nb,beagle\n")
    listing = scan(fetch(tmp_path, Silent()))
    assert [(p.path, p.label) for p in listing.photos] == [
        ("train/a.jpg", "pug"),
        ("train/b.jpg", "beagle"),
    ]


@pytest.mark.parametrize(
    "written",
    [
        "c3",
        "c3.jpg",
        "C3.JPG",
        "c3.png",
        "cats/c3.jpg",
        "/content/drive/MyDrive/pets/cats/c3.jpg",
        "C:\\Users\\me\\pets\\cats\\c3.jpg",
        "/data/local-files/?d=pets/cats/c3.jpg",
        "http://localhost:8080/data/local-files/?d=pets%2Fcats%2Fc3.jpg",
        "/data/upload/1/8fa1b2c3-c3.jpg",
        "https://example.org/pets/cats/c3.jpg?x=1",
        "images/c3.jpg",
    ],
)
def test_a_photo_is_found_by_the_longest_tail_of_its_path(pets, written):
    (pets / "more" / "cats").mkdir(parents=True)
    (pets / "more" / "cats" / "c3.jpg").write_bytes(b"x")
    notes = Notes()
    listing = listed(pets, f"path,label\n{written},cat\na.jpg,dog\n", notes)
    assert rows(listing)[1] == ("more/cats/c3.jpg", "cat", "", "")
    assert any(f"such as {written} as more/cats/c3.jpg" in text for text in notes.texts)


def test_a_number_that_lost_its_zeros_is_found_if_there_is_one_such_file(pets):
    for name in ("007.jpg", "000.jpg", "010.jpg", "0010.jpg"):
        (pets / name).write_bytes(b"x")
    listing = listed(pets, "id,label\n7,cat\n0,dog\n10,cat\n70,dog\n")
    assert [(p.path, p.problem) for p in listing.photos] == [
        ("000.jpg", ""),
        ("007.jpg", ""),
        ("10", "file not found; it could be 0010.jpg, 010.jpg"),
        ("70", "file not found"),
    ]


def test_the_longest_tail_decides_between_files_of_one_name(pets):
    for folder in ("one/cats", "two/cats"):
        (pets / folder).mkdir(parents=True)
        (pets / folder / "c.jpg").write_bytes(b"x")
    listing = listed(pets, "path,label\n/x/two/cats/c.jpg,cat\n/x/cats/c.jpg,dog\na.jpg,dog\n")
    found = {p.label: (p.path, p.problem) for p in listing.photos if p.path != "a.jpg"}
    assert found["cat"] == ("two/cats/c.jpg", "")
    assert found["dog"][1] == "file not found; it could be one/cats/c.jpg, two/cats/c.jpg"


def test_a_file_of_the_same_name_in_another_class_is_not_taken(pets):
    for name in ("cats", "dogs"):
        (pets / name).mkdir()
    (pets / "dogs" / "1.jpg").write_bytes(b"x")
    (pets / "cats" / "2.jpg").write_bytes(b"x")
    listing = listed(pets, "path,label\ncats/1.jpg,cat\ncats/2.jpg,cat\na.jpg,dog\n")
    assert rows(listing)[1] == ("cats/1.jpg", "cat", "", "file not found")


def test_a_file_that_another_line_names_is_not_taken(pets):
    (pets / "sub").mkdir()
    (pets / "sub" / "c.jpg").write_bytes(b"x")
    listing = listed(pets, "path,label\nc,cat\nsub/c.jpg,dog\n")
    assert rows(listing) == [("c", "cat", "", "file not found"), ("sub/c.jpg", "dog", "", "")]


def test_letters_in_another_unicode_form_are_the_same(pets):
    name = unicodedata.normalize("NFD", "Bär.jpg")
    (pets / name).write_bytes(b"x")
    notes = Notes()
    listing = listed(
        pets, f"path,label\n{unicodedata.normalize('NFC', name)},Bär\na.jpg,dog\n", notes
    )
    assert "1 photo of labels.csv was found with accents in another form." in notes.texts
    assert [(p.path, p.problem) for p in listing.photos if p.label == "Bär"] == [(name, "")]


def test_a_table_whose_photos_are_elsewhere_reports_where_it_looked(pets):
    with pytest.raises(DataError, match=r"No photo that .* such as x/gone\.jpg(.|\n)*Put the"):
        listed(pets, "path,label\nx/gone.jpg,cat\n")


def test_a_class_whose_photos_are_not_found_gets_advice_on_paths(pets):
    listing = listed(pets, "path,label\ngone.jpg,cat\na.jpg,dog\n")
    with pytest.raises(DataError, match=r"Correct the paths in the table, .* --exclude cat"):
        check_classes(listing)


@pytest.mark.parametrize(
    ("written", "expected", "note"),
    [
        (("0", "0.0", "1.0"), ["0", "0", "1"], "0.0 as 0, 1.0 as 1"),
        (("Pug", "pug ", "Pug"), ["Pug", "Pug", "Pug"], "pug as Pug"),
        (("red  fox", "Red fox", "Red fox"), ["Red fox"] * 3, "red  fox as Red fox"),
        (("a", "A", "b"), ["a", "A", "b"], ""),
        (("1.5", "1.0", "2.0"), ["1.5", "1.0", "2.0"], ""),
    ],
)
def test_one_class_has_one_spelling(pets, written, expected, note):
    (pets / "c.jpg").write_bytes(b"x")
    notes = Notes()
    lines = "".join(f"{name}.jpg,{label}\n" for name, label in zip("abc", written, strict=True))
    assert [p.label for p in listed(pets, f"path,label\n{lines}", notes).photos] == expected
    recorded = [text for text in notes.texts if "spelled in two ways" in text]
    assert recorded == (
        [f"Labels that are spelled in two ways are one class: {note}."] if note else []
    )


@pytest.mark.parametrize("missing", ["NaN", "nan", "<NA>", "NULL", "N/A", "NA"])
def test_a_missing_value_is_no_class(pets, missing):
    notes = Notes()
    listing = listed(pets, f"path,label\na.jpg,{missing}\nb.jpg,none\n", notes)
    assert rows(listing)[0] == ("a.jpg", "", "", "the table gives no label")
    assert listing.photos[1].label == "none"
    assert "1 line has no label." in notes.texts


def test_a_separator_that_excel_names_is_used(pets):
    assert rows(listed(pets, "sep=;\npath;label\na.jpg;cat\n")) == [("a.jpg", "cat", "", "")]


def test_photos_and_classes_of_a_table_can_be_excluded(pets):
    listing = chosen(pets, "path,label\na.jpg,cat\nb.jpg,to check\n", exclude=("to check",))
    assert [p.path for p in listing.photos] == ["a.jpg"]
    listing = chosen(pets, "path,label\na.jpg,cat\nb.jpg,dog\n", exclude=("a.jpg",))
    assert [p.path for p in listing.photos] == ["b.jpg"]


def test_columns_of_a_folder_are_refused(pets):
    with pytest.raises(DataError, match="is read by its folders"):
        scan(fetch(pets, Silent()), config=SourceConfig(columns="path=id"))


@pytest.mark.parametrize("cell", ["cat,dog", "cat; dog", "cat|dog", "cat dog"])
def test_several_labels_in_a_cell_are_no_class_of_their_own(pets, cell):
    for name in "cd":
        (pets / f"{name}.jpg").write_bytes(b"x")
    listing = listed(pets, f'path,label\na.jpg,cat\nb.jpg,dog\nc.jpg,"{cell}"\nd.jpg,red fox\n')
    assert rows(listing)[2] == ("c.jpg", "", "", "the table gives two labels: 'cat' and 'dog'")
    assert rows(listing)[3] == ("d.jpg", "red fox", "", "")
    with pytest.raises(DataError, match=r"1 photo has two labels, such as c\.jpg \(cat, dog\)"):
        check_classes(listing)


@pytest.mark.parametrize(
    "text", ["filepaths,labels", "id_code,diagnosis", "my photo,what", "where,emotion"]
)
def test_columns_are_found_by_their_values_and_the_only_one_left_is_the_label(pets, text):
    listing = listed(pets, f"{text}\na.jpg,cat\nb.jpg,dog\n")
    assert rows(listing) == [("a.jpg", "cat", "", ""), ("b.jpg", "dog", "", "")]


def test_a_table_without_a_first_line_reports_it(pets):
    with pytest.raises(DataError, match="names a photo: put the line path,label above it"):
        listed(pets, "a.jpg,cat\nb.jpg,dog\n")


def test_photos_in_a_folder_beside_that_of_the_table_are_found(pets):
    (pets / "tables").mkdir()
    (pets / "images").mkdir()
    (pets / "images" / "c.jpg").write_bytes(b"x")
    listing = listed(pets / "tables", "path,label\nc,cat\n")
    assert rows(listing) == [("../images/c.jpg", "cat", "", "")]


@pytest.mark.parametrize(
    ("name", "text"),
    [("train.csv", "id,label\nc,cat\n"), ("t.csv", "id,label,split\nc,cat,train\n")],
)
def test_of_two_files_the_one_in_the_folder_of_the_part_is_taken(pets, name, text):
    for part in ("train", "test"):
        (pets / part).mkdir()
        (pets / part / "c.jpg").write_bytes(b"x")
    assert [p.path for p in listed(pets, text, name=name).photos] == ["train/c.jpg"]


def test_a_table_for_each_part_beside_the_photos_gives_labels_and_parts(pets):
    (pets / "train.csv").write_text("path,label\na,cat\nb,dog\n")
    (pets / "valid.csv").write_text("path,label\nc,cat\nd,dog\n")
    for name in "cd":
        (pets / f"{name}.jpg").write_bytes(b"x")
    listing = scan(fetch(pets, Silent()))
    assert [(p.path, p.label, p.part) for p in listing.photos] == [
        ("a.jpg", "cat", "train"),
        ("b.jpg", "dog", "train"),
        ("c.jpg", "cat", "validation"),
        ("d.jpg", "dog", "validation"),
    ]
    (pets / "valid.csv").write_text("path,label\nc,cat\na,dog\n")
    with pytest.raises(DataError, match=r"1 photo.* more than one of train\.csv, valid\.csv"):
        scan(fetch(pets, Silent()))


def test_columns_of_classes_can_be_chosen_among_others_that_hold_1_and_0(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("path,cat,dog,is_flipped\n1.jpg,1,0,1\n2.jpg,0,1,0\n")
    found = read_table(table, SourceConfig(columns="labels=cat+dog"))
    assert [(line.path, line.label) for line in found.lines] == [("1.jpg", "cat"), ("2.jpg", "dog")]
    assert found.unused == ("is_flipped",)


def test_a_chosen_column_of_a_class_holds_nothing_but_1_and_0(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("path,cat,dog\n1.jpg,1,0\n2.jpg,-1,1\n")
    with pytest.raises(DataError, match=r"Line 3 of .* has '-1' in the column cat"):
        read_table(table, SourceConfig(columns="labels=cat+dog"))


def test_one_column_of_classes_and_several_are_not_chosen_together():
    with pytest.raises(ConfigError, match=r"give label, one column of classes, or labels"):
        SourceConfig(columns="label=kind,labels=cat+dog")


@pytest.mark.parametrize(("place", "is_found"), [(99, False), (100, True)])
def test_a_hundred_lines_are_read_to_find_a_column_by_its_values(pets, place, is_found):
    lines = ["a.jpg,cat"] * 101
    lines[place] = "none,dog"  # no photo, counted from 0
    text = "where,emotion\n" + "\n".join(lines) + "\n"
    if is_found:
        assert {label for _, label, *_ in rows(listed(pets, text))} >= {"cat"}
    else:
        with pytest.raises(DataError, match="has no column path"):
            listed(pets, text)


def test_a_list_in_a_cell_is_its_labels(pets):
    listing = listed(pets, 'path,label\na.jpg,"[\'cat\']"\nb.jpg,"{""choices"": [""dog""]}"\n')
    assert rows(listing) == [("a.jpg", "cat", "", ""), ("b.jpg", "dog", "", "")]


def test_several_labels_in_a_list_are_two_labels_and_an_empty_list_is_none(pets):
    listing = listed(pets, "path,label\na.jpg,\"['cat', 'dog']\"\nb.jpg,[]\n")
    assert rows(listing) == [
        ("a.jpg", "", "", "the table gives two labels: 'cat' and 'dog'"),
        ("b.jpg", "", "", "the table gives no label"),
    ]


def test_what_only_looks_like_a_list_is_a_label(pets):
    assert [p.label for p in listed(pets, "path,label\na.jpg,[sic]\nb.jpg,{1}\n").photos] == [
        "[sic]",
        "{1}",
    ]


@pytest.mark.parametrize("above", ["\n", "# by a tool\n\n", "\n# by a tool\n", " \n"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_empty_lines_above_the_headings_are_skipped(pets, above, separator):
    text = above + "path,label\na.jpg,cat\nb.jpg,dog\n".replace(",", separator)
    assert [row[:2] for row in rows(listed(pets, text))] == [("a.jpg", "cat"), ("b.jpg", "dog")]


def test_comments_above_the_headings_are_skipped(pets):
    text = "# exported by a tool\n# on Monday\npath,label\na.jpg,cat\n"
    assert rows(listed(pets, text)) == [("a.jpg", "cat", "", "")]
    with pytest.raises(DataError, match=r"Line 5 of .* has no path"):
        listed(pets, f"{text},cat\n")


@pytest.mark.parametrize(
    ("headings", "cells", "parts"),
    [
        ("is_valid", ["False", "True"], ["train", "validation"]),
        ("is_test", ["0", "1"], ["train", "test"]),
        ("is_training_image", ["1", "0"], ["train", "test"]),
        ("is_test,is_valid", ["1,0", "0,1"], ["test", "validation"]),
    ],
)
def test_a_column_of_yes_and_no_gives_the_part(pets, headings, cells, parts):
    text = f"path,label,{headings}\na.jpg,cat,{cells[0]}\nb.jpg,cat,{cells[1]}\n"
    notes = Notes()
    assert [p.part for p in listed(pets, text, notes).photos] == parts
    assert f"by its column {headings.replace(',', ' and ')}." in notes.texts[-1]


def test_a_column_of_yes_and_no_for_the_part_is_no_class(pets):
    text = "path,cat,dog,is_test\na.jpg,1,0,0\nb.jpg,0,1,1\n"
    assert rows(listed(pets, text)) == [("a.jpg", "cat", "train", ""), ("b.jpg", "dog", "test", "")]
    (pets / "labels.csv").write_text(text)
    table = read_table(pets / "labels.csv", SourceConfig(parts="none"))
    assert [line.part for line in table.lines] == ["", ""]
    assert table.unused == ("is_test",)


def test_a_table_without_headings_gets_a_proposal_for_them(pets):
    with pytest.raises(DataError, match=r"put the line part,path,label above it"):
        listed(pets, "TRAIN,gs://bucket/a.jpg,cat\nTEST,gs://bucket/b.jpg,dog\n")


@pytest.mark.parametrize("text", ["a.jpg,1,-1\nb.jpg,-1,1\n", "a.jpg,1.0,\nb.jpg,-1.0,1.0\n"])
def test_minus_one_for_a_class_is_asked_about(pets, text):
    with pytest.raises(DataError, match=r"hold 1 and -1, such as cat, .*write 0 for 'no'"):
        listed(pets, f"path,cat,dog\n{text}")


def test_two_columns_of_one_name_are_named(pets):
    with pytest.raises(DataError, match=r"Several columns of .* are called Class\.\nRename"):
        listed(pets, "path,Class,Class\na.jpg,cat,pet\n")


def test_a_table_of_another_encoding_names_the_option_and_is_read_with_it(pets):
    (pets / "labels.csv").write_bytes("path,label\na.jpg,Bär\n".encode("cp1252"))
    with pytest.raises(DataError, match=r"not UTF-8\.\nSave the table again.*--encoding cp1252"):
        read_table(pets / "labels.csv")
    table = read_table(pets / "labels.csv", SourceConfig(encoding="cp1252"))
    assert [line.label for line in table.lines] == ["Bär"]
    with pytest.raises(SourceError, match="is not text in ascii"):
        read_table(pets / "labels.csv", SourceConfig(encoding="ascii"))


def test_an_encoding_that_does_not_exist_is_named():
    with pytest.raises(ConfigError, match="no encoding 'utf-9'"):
        SourceConfig(encoding="utf-9")


def test_unused_columns_are_kept_with_each_photo(pets):
    text = "path,label,site,patient\na.jpg,cats,north,7\nb.jpg,dogs,,8\n"
    found = listed(pets, text)
    assert [photo.columns for photo in found.photos] == [
        '{"site": "north", "patient": "7"}',
        '{"patient": "8"}',
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_heading_in_several_lines_is_one_heading(pets, separator):
    cells = ['"image\nname"', '"the, true;\nlabel"', "notes\na.jpg", "cat", "x\n"]
    text = separator.join(cells)
    with pytest.raises(DataError, match="its first line reads: image name,the, true; label,notes"):
        listed(pets, text)
    listing = chosen(pets, text, columns={"label": "the, true; label"})
    assert rows(listing) == [("a.jpg", "cat", "", "")]


def test_a_column_of_1_and_0_beside_those_of_the_classes_is_proposed_to_be_left_out(pets):
    for name in "cd":
        (pets / f"{name}.jpg").write_bytes(b"x")
    text = "path,cat,indoor,dog\na.jpg,1,1,0\nb.jpg,0,0,1\nc.jpg,1,0,0\nd.jpg,0,1,1\n"
    notes = Notes()
    listing = listed(pets, text, notes)
    assert not any("second time" in text for text in notes.texts)
    with pytest.raises(
        DataError,
        match=r"classes are the columns cat, dog, without indoor: "
        r"--columns labels=cat\+dog",
    ):
        check_classes(listing)
    listing = chosen(pets, text, columns="labels=cat+dog")
    assert [p.label for p in listing.photos] == ["cat", "dog", "cat", "dog"]


def test_a_line_without_any_label_is_no_column_to_propose(pets):
    (pets / "c.jpg").write_bytes(b"x")
    listing = listed(pets, "path,cat,indoor,dog\na.jpg,1,1,0\nb.jpg,0,1,1\nc.jpg,0,0,0\n")
    with pytest.raises(DataError, match=r"columns cat, dog, without .*--columns labels=cat\+dog"):
        check_classes(listing)


def test_classes_that_a_photo_may_have_both_of_are_not_proposed(pets):
    listing = listed(pets, "path,cat,dog\na.jpg,1,1\nb.jpg,0,1\n")
    with pytest.raises(DataError) as raised:
        check_classes(listing)
    assert "--columns" not in str(raised.value)


def test_columns_of_probabilities_are_named(pets):
    with pytest.raises(DataError, match=r"columns cat and dog hold numbers between 0 and 1, such "):
        listed(pets, "path,cat,dog\na.jpg,0.9,0.1\nb.jpg,0,1\n")


def test_a_column_of_measurements_is_no_column_of_classes_unless_it_is_chosen(pets):
    text = "path,weight\na.jpg,3.5\nb.jpg,20\n"
    with pytest.raises(DataError, match=r"weight of .* holds numbers, such as 3\.5; each of its 2"):
        listed(pets, text)
    notes = Notes()
    listing = chosen(pets, text, notes, columns="label=weight")
    assert [p.label for p in listing.photos] == ["3.5", "20"]
    assert any(
        "The labels are numbers, such as 3.5: each of the 2 numbers" in t for t in notes.texts
    )


@pytest.mark.parametrize(("heading", "is_asked"), [("age", True), ("label", False)])
def test_many_whole_numbers_are_classes_only_under_a_usual_heading(pets, heading, is_asked):
    lines = "".join(f"{number}.jpg,{number}\n" for number in range(21))
    (pets / "labels.csv").write_text(f"path,{heading}\n{lines}")
    if is_asked:
        with pytest.raises(DataError, match="holds numbers, such as 0; each of its 21 values"):
            read_table(pets / "labels.csv")
    else:
        assert len(read_table(pets / "labels.csv").lines) == 21
    (pets / "labels.csv").write_text(f"path,{heading}\n{lines.replace('20.jpg,20', '20.jpg,19')}")
    assert len(read_table(pets / "labels.csv").lines) == 21


def test_what_is_read_as_no_label_is_a_class_where_it_is_named(pets):
    text = "path,country\na.jpg,NA\nb.jpg,DE\n"
    notes = Notes()
    assert [p.label for p in chosen(pets, text, notes).photos] == ["", "DE"]
    assert "'NA' is read as no label. If it is a class: --classes DE,NA" in notes.texts
    assert [p.label for p in chosen(pets, text, classes="DE,NA").photos] == ["NA", "DE"]
    assert [p.label for p in chosen(pets, text, merge="NA=NA").photos] == ["NA", "DE"]


def test_photos_of_none_are_named_with_both_other_readings(pets):
    (pets / "c.jpg").write_bytes(b"x")
    text = "path,label\na.jpg,cat\nb.jpg,dog\nc.jpg,None\n"
    notes = Notes()
    assert len(chosen(pets, text, notes).none_paths) == 1
    assert (
        "1 photo of None is of none of the classes, and used to set and test the threshold of the "
        "answer none. To train a class of that name: --classes None,cat,dog; to leave them out: "
        "--exclude None"
    ) in notes.texts
    assert len(chosen(pets, text, exclude=["None"]).photos) == 2
    assert chosen(pets, text, classes="None,cat,dog").class_names == ("None", "cat", "dog")


def test_one_class_of_a_table_is_named_with_its_column(pets):
    listing = listed(pets, "path,breed\na.jpg,pug\nb.jpg,pug\n")
    with pytest.raises(DataError, match=r"classes are read from the column breed of labels\.csv"):
        check_classes(listing)


def test_a_column_of_descriptions_is_no_column_of_classes_unless_it_is_chosen(pets):
    lines = "".join(f'{number}.jpg,"dog number {number}, running"\n' for number in range(5))
    text = f"image,caption\n{lines}"
    (pets / "labels.csv").write_text(text)
    with pytest.raises(
        DataError, match=r"caption of .* another value in each line, such as 'dog n"
    ):
        read_table(pets / "labels.csv")
    table = read_table(pets / "labels.csv", SourceConfig(columns="label=caption"))
    assert len(table.lines) == 5
    several = "image,features\n1,a|b\n2,b|c\n3,c|d\n4,d|e\n5,e|a\n"
    for other in (text.replace("dog number 4", "dog number 3"), several):
        (pets / "labels.csv").write_text(other)
        assert len(read_table(pets / "labels.csv").lines) == 5


@pytest.mark.parametrize("odd", ["2", "-1", "l", "0.5", "unknown", "no", "-"])
def test_a_cell_that_is_neither_1_nor_0_is_named(tmp_path, odd):
    table = tmp_path / "labels.csv"
    table.write_text(f"path,cat,dog,bird\n1,1,0,0\n2,0,1,0\n3,0,0,{odd}\n4,0,0,1\n")
    with pytest.raises(DataError, match=rf"Line 4 of .* has '{odd}' in the column bird, which"):
        read_table(table)


def test_such_a_cell_is_named_in_one_of_two_columns(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("path,cat,dog\n1,1,0\n2,0,1\n3,0,x\n")
    with pytest.raises(DataError, match=r"each column is a class: line 4 has 'x' in dog, which"):
        read_table(table)


def test_a_column_of_1_0_and_another_number_can_be_left_out(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("path,cat,dog,legs\n1.jpg,1,0,1\n2.jpg,0,1,1\n3.jpg,0,1,2\n")
    with pytest.raises(
        DataError, match=r"Line 4 .*'2' in .* legs, .*\n.*--columns labels=cat\+dog"
    ):
        read_table(table)
    found = read_table(table, SourceConfig(columns="labels=cat+dog"))
    assert [line.label for line in found.lines] == ["cat", "dog", "dog"]


def test_a_missing_value_in_a_column_of_a_class_is_0(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("path,cat,dog\n1.jpg,1,NaN\n2.jpg,NA,1\n3.jpg,,1\n")
    assert [line.label for line in read_table(table).lines] == ["cat", "dog", "dog"]


@pytest.mark.parametrize(("cell", "shown"), [("?", "'\\?'"), ("", "nothing")])
def test_a_cell_that_is_neither_yes_nor_no_is_named(tmp_path, cell, shown):
    table = tmp_path / "labels.csv"
    table.write_text(f"path,label,is_test\n1.jpg,cat,no\n2.jpg,dog,{cell}\n3.jpg,dog,yes\n")
    with pytest.raises(DataError, match=rf"Line 3 of .* has {shown} in the column is_test, which"):
        read_table(table)
    assert {line.part for line in read_table(table, SourceConfig(parts="none")).lines} == {""}
    table.write_text("path,label,is_test\n1.jpg,cat,no\n2.jpg,dog,yes\n")
    assert [line.part for line in read_table(table).lines] == ["train", "test"]


def test_a_line_with_more_cells_than_the_first_is_named(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("path,label\n1.jpg,cat,,\n2.jpg,cat, persian\n")
    with pytest.raises(DataError, match=r"Line 3 of .* more cells than .* such as 'persian'"):
        read_table(table)
    with pytest.raises(DataError, match=r"Line 3 of .* more cells than .* such as 'persian'"):
        list(read_rows(table, ("path", "label"), "path,label"))
    table.write_text('path,label\n1.jpg,cat,,\n2.jpg,"cat, persian"\n')
    assert [line.label for line in read_table(table).lines] == ["cat", "cat, persian"]


def test_an_open_quote_is_named_with_the_line_that_it_begins_in(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text('path,label\n1.jpg,cat\n2.jpg,"dog\n3.jpg,cat\n4.jpg,dog\n')
    with pytest.raises(DataError, match="damaged in line 3"):
        read_table(table)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("path,label,ort\na.jpg,cat,München\nb.jpg,dog,x\n", 2),
        ("path,label,größe\na.jpg,cat,1\nb.jpg,dog,2\n", 1),
        ("path,label\na.jpg,cat\nä.jpg,dog\n", 3),
        ("path,label\nö.jpg,cat\nä.jpg,dog\n", 2),
    ],
)
def test_another_encoding_is_named_in_whichever_column_it_is(pets, text, line):
    with pytest.raises(DataError, match=rf"Line {line} of .* not UTF-8.*\n.*--encoding cp1252"):
        listed(pets, text, encoding="cp1252")


def test_one_class_has_one_spelling_in_the_tables_of_all_parts(pets):
    for name in ("c.jpg", "d.jpg"):
        (pets / name).write_bytes(b"x")
    (pets / "train.csv").write_text("path,label\na.jpg,cat\nb.jpg,dog\n")
    (pets / "test.csv").write_text("path,label\nc.jpg,Cat\nd.jpg,DOG\n")
    notes = Notes()
    found = scan(fetch(pets, Silent()), notes)
    assert [photo.label for photo in found.photos] == ["Cat", "DOG", "Cat", "DOG"]
    assert (
        "Labels that are spelled in two ways are one class: cat as Cat, dog as DOG." in notes.texts
    )


def test_a_list_of_the_classes_beside_a_table_is_not_used(pets):
    (pets / "train.csv").write_text("path,label\na.jpg,0\nb.jpg,1\n")
    (pets / "classes.csv").write_text("id,name\n0,cat\n1,dog\n")
    notes = Notes()
    assert [p.label for p in scan(fetch(pets, Silent()), notes).photos] == ["0", "1"]
    assert "Not used, since none of the photos that it names exists: classes.csv." in notes.texts


def test_settings_that_a_table_makes_useless_are_named(pets):
    (pets / "labels.csv").write_text("path,label,owner\na.jpg,cat,tom\nb.jpg,dog,tim\n")
    notes = Notes()
    config = SourceConfig(class_level=2, columns="group=owner")
    found = scan(fetch(pets, Silent()), notes, "folder", config)
    assert [photo.group for photo in found.photos] == ["tom", "tim"]
    assert "--class-level 2 has no effect on the labels of a table." in notes.texts
    text = "Photos are grouped by the column owner; --group-by folder has no effect."
    assert text in notes.texts
    notes = Notes()
    scan(fetch(pets, Silent()), notes, config=SourceConfig(label_pattern=r"([ab])\."))
    assert "Not used, since --label-pattern gives the classes: labels.csv." in notes.texts


def test_folders_that_group_nothing_are_named(tmp_path):
    for path in ("cats/a.jpg", "dogs/b.jpg"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_bytes(b"x")
    notes = Notes()
    scan(fetch(tmp_path, Silent()), notes, "folder")
    text = "--group-by folder groups nothing: no photo is in a folder of a class."
    assert text in notes.texts


def test_a_photo_of_an_excluded_class_is_not_counted_as_unnamed(pets):
    (pets / "labels.csv").write_text("path,cat,dog\na.jpg,1,0\nb.jpg,0,1\n")
    notes = Notes()
    scan(fetch(pets, Silent()), notes, config=SourceConfig(exclude=("dog",)))
    assert not any("without a line" in text for text in notes.texts)


def test_predictions_are_no_labels_unless_the_user_chooses_their_column(tmp_path):
    table = tmp_path / "answers.csv"
    table.write_text(
        "path,label,probability,answer,error,cats,dogs\n"
        "a.jpg,cats,0.9,cats,,0.9,0.1\nb.jpg,dogs,0.6,unsure,,0.4,0.6\n"
    )
    with pytest.raises(DataError, match=r"holds predictions of pawsight(.|\n)*label=answer"):
        read_table(table)
    found = read_table(table, SourceConfig(columns={"label": "answer"}))
    assert [line.label for line in found.lines] == ["cats", "unsure"]


def test_a_label_that_was_kept_from_being_a_formula_is_read_as_it_was(tmp_path):
    table = tmp_path / "split.csv"
    table.write_text("path,label,group\n./=1.jpg,'=cats,'@me\n2.jpg,'tis,me\n")

    first, second = read_table(table).lines

    assert (first.path, first.label, first.group) == ("./=1.jpg", "=cats", "@me")
    assert second.label == "'tis"
