"""What folders mean: classes, parts, or a question with the options that answer it."""

import re
import unicodedata
from collections import Counter

import pytest

from pawsight.config import SourceConfig
from pawsight.data.listing.class_check import check_classes, report_missing_classes
from pawsight.data.listing.scan import scan
from pawsight.data.sources import fetch
from pawsight.errors import DataError, SourceError
from pawsight.progress import Silent


class Notes(Silent):
    def __init__(self):
        self.texts = []

    def note(self, text):
        self.texts.append(text)


def put(root, *folders, count=2, name="{}.jpg"):
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (root / folder / name.format(number)).write_bytes(b"x")
    return root


def counts(root, progress=None, **options):
    """How many photos have each (part, label)."""
    config = SourceConfig(**options)
    listing = scan(fetch(root, Silent()), progress or Silent(), config=config)
    return dict(Counter((p.part, p.label) for p in listing.photos if not p.problem))


def question(root, **options):
    with pytest.raises(DataError) as raised:
        counts(root, **options)
    return str(raised.value)


PETS = {("train", "cats"): 2, ("train", "dogs"): 2, ("test", "cats"): 2, ("test", "dogs"): 2}


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("training_set", "test_set"),
        ("seg_train", "seg_test"),
        ("TrainingData", "TestingData"),
        ("train", "holdout"),
        ("pets-train-2017", "pets-test-2017"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("train/train", "test"),
    ],
)
def test_folders_that_hold_the_same_class_folders_are_parts_by_usual_words(tmp_path, train, test):
    put(tmp_path, f"{train}/cats", f"{train}/dogs", f"{test}/cats", f"{test}/dogs")
    notes = Notes()
    assert counts(tmp_path, notes) == PETS
    assert notes.texts[-1] == (
        "2 classes from folder names: cats, dogs; parts train and test as given."
    )


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Trainingsdaten", "Testdaten"),
        ("entrenamiento", "prueba"),
        ("Treino", "Teste"),
        ("训练集", "测试集"),
        (unicodedata.normalize("NFD", "entraînement"), "test"),
    ],
)
def test_words_of_other_languages_are_known(tmp_path, train, test):
    put(tmp_path, f"{train}/cats", f"{train}/dogs", f"{test}/cats", f"{test}/dogs")
    assert counts(tmp_path) == PETS


@pytest.mark.parametrize("name", ["dev", "eval", "val_set", "Validation"])
def test_words_for_validation_are_known(tmp_path, name):
    put(tmp_path, "train/cats", "train/dogs", f"{name}/cats", f"{name}/dogs")
    assert {part for part, _ in counts(tmp_path)} == {"train", "validation"}


def test_a_validation_and_a_test_part_without_a_train_part_are_parts(tmp_path):
    put(tmp_path, "val/cats", "val/dogs", "test/cats", "test/dogs")
    assert {part for part, _ in counts(tmp_path)} == {"validation", "test"}


@pytest.mark.parametrize("names", [("alice", "bob"), ("fold1", "fold2"), ("2023", "2024")])
def test_the_same_folders_in_folders_of_other_names_are_asked_about(tmp_path, names):
    put(tmp_path, *(f"{name}/{pet}" for name in names for pet in ("cats", "dogs")))
    first, second = names
    text = question(tmp_path)
    assert "hold the same folders: cats, dogs" in text
    assert f"--parts train={first},validation={second}" in text
    assert "--class-level 1" in text and "--class-level 2" in text
    given = counts(tmp_path, parts=f"train={first},test={second}")
    assert given == PETS
    assert counts(tmp_path, class_level=2) == {("", "cats"): 4, ("", "dogs"): 4}
    assert counts(tmp_path, class_level=1) == {("", first): 4, ("", second): 4}
    assert counts(tmp_path, parts="none") == {("", first): 4, ("", second): 4}


@pytest.mark.parametrize("names", [("2023", "2024"), ("2023-05-01", "2023-05-02"), ("000", "001")])
def test_dates_and_portions_inside_class_folders_belong_to_the_classes(tmp_path, names):
    put(tmp_path, *(f"{pet}/{name}" for pet in ("cats", "dogs") for name in names))
    notes = Notes()
    assert counts(tmp_path, notes) == {("", "cats"): 4, ("", "dogs"): 4}
    assert not any("--class-level" in text for text in notes.texts)


def test_different_folders_inside_class_folders_belong_to_them_and_the_level_below_is_named(
    tmp_path,
):
    put(tmp_path, "cats/tabby", "cats/siamese", "dogs/pug", "dogs/beagle")
    notes = Notes()
    assert counts(tmp_path, notes) == {("", "cats"): 4, ("", "dogs"): 4}
    assert (
        "The subfolders beagle, pug, siamese, tabby belong to the class that they are in. To use "
        "them as classes: --class-level 2" in notes.texts
    )
    assert {label for _, label in counts(tmp_path, class_level=2)} == {
        *("tabby", "siamese", "pug", "beagle")
    }


def test_parts_inside_class_folders_are_kept(tmp_path):
    put(tmp_path, "cats/train", "cats/val", "dogs/train", "dogs/val")
    expected = {(part, pet): 2 for part in ("train", "validation") for pet in ("cats", "dogs")}
    assert counts(tmp_path) == expected
    assert counts(tmp_path, class_level=1) == expected
    assert counts(tmp_path, parts="none") == {("", "cats"): 4, ("", "dogs"): 4}


def test_a_folder_beside_parts_inside_a_class_is_asked_about(tmp_path):
    put(tmp_path, "cats/train", "cats/val", "cats/odd", "dogs/train", "dogs/val")
    assert "such as cats/odd" in question(tmp_path)
    assert "--exclude odd" in question(tmp_path)
    assert sum(counts(tmp_path, exclude="odd").values()) == 8
    assert sum(counts(tmp_path, parts="train=train,val=val").values()) == 8


def test_a_folder_with_the_same_classes_whose_name_is_no_part_is_asked_about(tmp_path):
    put(tmp_path, *(f"{name}/{pet}" for name in ("train", "test", "x") for pet in ("a", "b")))
    text = question(tmp_path)
    assert "folder x" in text
    assert "--parts train=train,validation=x,test=test" in text
    assert "--exclude x" in text
    assert len(counts(tmp_path, exclude="x")) == 4


@pytest.mark.parametrize("test", ["test/test", "test/unlabelled", "test1/test1"])
def test_a_test_part_without_labels_is_left_out(tmp_path, test):
    put(tmp_path, "train/cats", "train/dogs", test)
    notes = Notes()
    assert counts(tmp_path, notes) == {("", "cats"): 2, ("", "dogs"): 2}
    assert (
        f"Left out {test[: test.index('/')]}/: it has no class folders (2 photos)." in notes.texts
    )


@pytest.fixture
def kaggle(tmp_path):
    put(tmp_path, "train", count=3, name="cat.{}.jpg")
    put(tmp_path, "train", count=3, name="dog.{}.jpg")
    return put(tmp_path, "test1")


def test_labels_in_file_names_are_proposed_with_both_readings(kaggle):
    text = question(kaggle)
    assert r"--label-pattern '(cat|dog)\.'" in text
    assert "--parts none" in text


def test_labels_are_taken_from_file_names(kaggle):
    notes = Notes()
    found = counts(kaggle, notes, label_pattern=r"(cat|dog)\.")
    assert found == {("", "cat"): 3, ("", "dog"): 3}
    assert "Left out test1/: no name matches --label-pattern (2 photos)." in notes.texts
    assert notes.texts[-1] == r"2 classes from file names by '(cat|dog)\.': cat, dog."


def test_a_pattern_with_a_slash_is_searched_in_the_path(tmp_path):
    put(tmp_path, "2023/site-a/x", "2024/site-b/y")
    assert set(counts(tmp_path, label_pattern=r"site-(\w)/")) == {("", "a"), ("", "b")}


def test_a_pattern_that_matches_nothing_is_an_error(kaggle):
    assert "matches no photo" in question(kaggle, label_pattern="(bird)")


def test_photos_in_one_folder_get_a_pattern_proposed(tmp_path):
    put(tmp_path, "photos", name="cat_{}.jpg")
    put(tmp_path, "photos", name="dog_{}.jpg")
    listing = scan(fetch(tmp_path / "photos", Silent()))
    with pytest.raises(DataError, match=re.escape("--label-pattern '(cat|dog)_'")):
        check_classes(listing)


def test_a_pattern_is_proposed_for_names_without_numbers_too(tmp_path):
    for name in ("cat_tom", "cat_felix", "dog_rex", "dog_max"):
        (tmp_path / f"{name}.jpg").write_bytes(b"x")
    with pytest.raises(DataError, match=re.escape("--label-pattern '(cat|dog)_'")):
        check_classes(scan(fetch(tmp_path, Silent())))


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("labels.json", "labels.json in it is a table of another format, which pawsight does not"),
        ("labels.xlsx", "labels.xlsx in it is a spreadsheet, which pawsight does not read. Save"),
        ("labels.csv", "That line names a photo: put the line path,label above it"),
        ("labels.txt", "labels.txt in it names photos, but is no .csv, so it is not read. Write"),
    ],
)
def test_labels_beside_the_photos_that_are_not_read_are_named(tmp_path, name, advice):
    put(tmp_path, "photos")
    (tmp_path / name).write_text("photos/0.jpg,cat\n")
    with pytest.raises(DataError, match=re.escape(advice)):
        check_classes(scan(fetch(tmp_path, Silent())))


YOLO = "1 0.5 0.5 0.25 0.125\n0 0.1 0.9 1.0 0.2\n"
VOC = "<annotation><object><name>cat</name></object></annotation>"
COCO = '{"images": [{"id": 1, "file_name": "0.jpg"}], "annotations": []}'


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("labels/0.txt", YOLO, "labels/0.txt holds YOLO"),
        ("data.yaml", "train: images\nnc: 1\nnames: [cat]\n", "data.yaml holds YOLO"),
        ("Annotations/0.xml", VOC, "Annotations/0.xml holds Pascal VOC"),
        ("instances.json", COCO, "instances.json holds COCO"),
    ],
)
def test_annotations_of_boxes_are_named_with_what_is_needed_instead(tmp_path, name, text, kind):
    put(tmp_path, "images")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=rf"{kind} annotations(.|\n)*columns path and label"):
        check_classes(scan(fetch(tmp_path, Silent())))
    put(tmp_path, "images/train", "images/val")
    for photo in (tmp_path / "images").glob("*.jpg"):
        photo.unlink()
    assert f"{kind} annotations" in question(tmp_path)


def test_texts_and_settings_beside_photos_are_no_annotations(tmp_path):
    put(tmp_path, "images")
    (tmp_path / "README.txt").write_text("Photos of pets, see cat.jpg\nTaken in 2021\n")
    (tmp_path / "ids.txt").write_text("1 2\n2 3\n")
    (tmp_path / "classes.json").write_text('{"cat": 0, "dog": 1}')
    with pytest.raises(DataError, match="two or more are needed") as raised:
        check_classes(scan(fetch(tmp_path, Silent())))
    assert "annotations" not in str(raised.value)
    assert "README" not in str(raised.value)


@pytest.mark.parametrize("label", ["pug", ""])
def test_a_table_that_gives_one_label_or_none_is_not_named_as_unused(tmp_path, label):
    put(tmp_path, "photos")
    (tmp_path / "l.csv").write_text(f"path,label\nphotos/0.jpg,{label}\nphotos/1.jpg,{label}\n")
    with pytest.raises(DataError, match="two or more are needed") as raised:
        check_classes(scan(fetch(tmp_path / "l.csv", Silent())))
    assert "not used" not in str(raised.value)


@pytest.mark.parametrize(
    ("table", "note"),
    [
        (
            "path,age\n0.jpg,3.5\n1.jpg,2\n",
            "The table l.csv beside them is not used:\n  The column age",
        ),
        ("path,label\n0.jpg,cat\n0.jpg,dog\n1.jpg,dog\n", "1 photo has two labels, such as"),
        (None, ""),
    ],
)
def test_an_audit_names_why_photos_have_no_classes_where_something_could_give_them(
    tmp_path, table, note
):
    put(tmp_path, ".")
    if table:
        (tmp_path / "l.csv").write_text(table)
    notes = Notes()
    report_missing_classes(scan(fetch(tmp_path, Silent())), notes)
    assert len(notes.texts) == bool(note)
    assert not note or (
        notes.texts[0].startswith("To train on these photos: ") and note in notes.texts[0]
    )


def test_an_archive_in_a_folder_without_photos_is_named(tmp_path):
    (tmp_path / "pets.zip").write_bytes(b"PK\3\4")
    with pytest.raises(SourceError, match=r"pets\.zip in it is not unpacked: give it as the sou"):
        scan(fetch(tmp_path, Silent()))


def test_folders_inside_the_only_class_are_proposed_as_classes(tmp_path):
    put(tmp_path, "pets/cats", "pets/dogs")
    (tmp_path / "cover.jpg").write_bytes(b"x")
    listing = scan(fetch(tmp_path, Silent()))
    with pytest.raises(DataError, match=r"subfolders cats, dogs: --class-level 2"):
        check_classes(listing)


def test_a_folder_beside_that_holds_no_photos_is_no_class(tmp_path):
    put(tmp_path, "photos/cats", "photos/dogs")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("x")
    assert counts(tmp_path) == {("", "cats"): 2, ("", "dogs"): 2}


def test_a_level_that_is_not_there_is_an_error(tmp_path):
    put(tmp_path, "cats", "dogs")
    assert "The folders of level 1 are: cats, dogs" in question(tmp_path, class_level=3)


def test_parts_that_are_not_there_are_an_error(tmp_path):
    put(tmp_path, "a/cats", "a/dogs", "b/cats", "b/dogs")
    text = question(tmp_path, parts="train=a,test=c")
    assert "no folder c" in text
    assert "a, b" in text


def test_a_class_folder_without_the_parts_of_the_others_is_asked_about(tmp_path):
    put(tmp_path, "cats/train", "cats/test", "dogs/train", "dogs/test", "birds")
    text = question(tmp_path)
    assert "cats, dogs hold the parts test, train, but birds do not" in text
    assert set(counts(tmp_path, parts="none")) == {("", "birds"), ("", "cats"), ("", "dogs")}


@pytest.mark.parametrize(
    "names",
    [
        ("cats_train", "cats_test", "dogs_train", "dogs_test"),
        ("train cats", "test cats", "train dogs", "test dogs"),
        ("catsTrain", "catsTest", "dogsTrain", "dogsTest"),
    ],
)
def test_folders_named_by_a_class_and_a_part_are_both(tmp_path, names):
    put(tmp_path, *names)
    assert counts(tmp_path) == PETS
    assert set(counts(tmp_path, parts="none")) == {("", name) for name in names}


def test_a_letter_behind_a_part_names_the_class(tmp_path):
    put(tmp_path, "trainA", "testA", "trainB", "testB")
    assert counts(tmp_path) == {(part, c): 2 for part in ("train", "test") for c in "AB"}


def test_of_two_folders_one_with_class_folders_and_one_with_photos_is_asked_about(tmp_path):
    put(tmp_path, "labelled/cats", "labelled/dogs", "new")
    text = question(tmp_path)
    assert "2 classes cats, dogs: --exclude new" in text
    assert "2 classes labelled, new: --class-level 1" in text
    assert counts(tmp_path, exclude=["new"]) == {("", "cats"): 2, ("", "dogs"): 2}
    assert counts(tmp_path, class_level=1) == {("", "labelled"): 4, ("", "new"): 2}


def test_folders_of_dates_in_one_of_two_classes_are_no_classes(tmp_path):
    put(tmp_path, "cats/2023-01-05", "cats/2023-02-11", "dogs")
    assert counts(tmp_path) == {("", "cats"): 4, ("", "dogs"): 2}


def test_parts_that_each_hold_one_class_are_asked_about(tmp_path):
    put(tmp_path, "cats_train", "dogs_test")
    assert "--parts none" in question(tmp_path)


def test_folders_that_hold_mostly_the_same_folders_are_asked_about(tmp_path):
    put(tmp_path, "b1/cats", "b1/dogs", "b2/cats", "b2/dogs", "b2/birds", "b3/cats")
    text = question(tmp_path)
    assert "b1, b2, b3" in text
    assert "hold the same folders: birds, cats, dogs" in text


def test_a_class_in_other_capitals_gets_a_merge_proposed(tmp_path):
    put(tmp_path, "train/Cats", "train/Dogs", "test/cats", "test/Dogs")
    listing = scan(fetch(tmp_path, Silent()))
    with pytest.raises(DataError, match=r"If it is 'Cats' there, merge the two: --merge Cats=cats"):
        check_classes(listing)
    assert counts(tmp_path, merge="Cats=cats") == {
        (part, pet): 2 for part in ("train", "test") for pet in ("Cats", "Dogs")
    }


def test_classes_that_differ_in_capitals_only_are_named(tmp_path):
    put(tmp_path, "Beagle", "beagle", "a", "A")
    notes = Notes()
    assert len(counts(tmp_path, notes)) == 4
    assert notes.texts[0] == (
        "Classes Beagle, beagle differ only in upper and lower case or spaces. "
        "To merge them: --merge Beagle=beagle"
    )


def test_folders_and_a_table_with_other_classes_are_asked_about(tmp_path):
    put(tmp_path, "images_part_1", "images_part_2", name="x{}.jpg")
    for number in range(2):
        (tmp_path / "images_part_2" / f"x{number}.jpg").rename(
            tmp_path / "images_part_2" / f"y{number}.jpg"
        )
    table = tmp_path / "metadata.csv"
    table.write_text("image_id,dx\nx0,nv\nx1,mel\ny0,nv\ny1,mel\n")
    text = question(tmp_path)
    assert "they are in metadata.csv: mel, nv: give" in text
    assert "they are the folders images_part_1, images_part_2: --class-level 1" in text
    assert len(counts(tmp_path, class_level=1)) == 2
    assert counts(tmp_path, columns="label=dx") == {("", "mel"): 2, ("", "nv"): 2}
    assert len(counts(tmp_path, exclude="metadata.csv")) == 2
    table.write_text("image_id,dx\nother,nv\nmore,mel\n")
    assert len(counts(tmp_path)) == 2


def test_a_table_that_contradicts_folders_of_the_same_names_is_asked_about(tmp_path):
    put(tmp_path, "cats", "dogs")
    lines = ["cats/0.jpg,cats", "cats/1.jpg,dogs", "dogs/0.jpg,Dogs", "dogs/1.jpg,dogs"]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *lines]))
    text = question(tmp_path)
    assert "labels.csv gives 1 of 4 photos in" in text
    assert "such as cats/1.jpg (dogs)" in text
    assert "they are in labels.csv: cats, dogs: give" in text
    lines[1] = "cats/1.jpg,cats"
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *lines]))
    notes = Notes()
    assert len(counts(tmp_path, notes)) == 2
    assert "Not used, since folders give the classes: labels.csv." in notes.texts


def test_the_level_of_classes_in_parts_is_offered_beside_a_table_of_other_classes(tmp_path):
    put(tmp_path, "train/cats", "train/dogs", "test/cats", "test/dogs")
    (tmp_path / "l.csv").write_text("path,label\ntrain/cats/0.jpg,pug\ntrain/dogs/0.jpg,siam\n")
    assert "they are the folders cats, dogs: --class-level 2" in question(tmp_path)
    assert counts(tmp_path, class_level=2) == PETS


def test_names_that_are_in_several_folders_beside_their_table_are_asked_about(tmp_path):
    put(tmp_path, "a", "b")
    (tmp_path / "l.csv").write_text("file,label\n0.jpg,cat\n1.jpg,dog\n")
    text = question(tmp_path)
    assert "2 of its 2 names are in several folders: 0.jpg could be a/0.jpg, b/0.jpg." in text
    assert "add the folder of each photo to its path in the table, and give" in text


def test_a_table_beside_folders_of_its_classes_is_named_for_its_parts(tmp_path):
    put(tmp_path, "cats", "dogs")
    (tmp_path / "l.csv").write_text(
        "path,label,split\ncats/0.jpg,cats,train\ndogs/0.jpg,dogs,test\n"
    )
    notes = Notes()
    counts(tmp_path, notes)
    assert any("l.csv gives parts, too, by its column split. To use" in t for t in notes.texts)


@pytest.mark.parametrize("name", ["metadata.jsonl", "labels.xlsx", "data.parquet"])
def test_a_table_of_another_format_beside_folders_is_named(tmp_path, name):
    put(tmp_path, "cats", "dogs")
    (tmp_path / name).write_text("x")
    (tmp_path / "settings.json").write_text("{}")
    notes = Notes()
    assert len(counts(tmp_path, notes)) == 2
    (note,) = (text for text in notes.texts if "does not read" in text)
    assert note.startswith(f"The folders give the classes. {name} in it is a ")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"columns": "label=x"}, r"labels\.csv has no column 'x', which --columns names for label"),
        ({"columns": "part=when", "parts": "train=a"}, r"has the part 'b'; it can be a"),
        (
            {"parts": "train=a", "columns": "part=x"},
            r"no column 'x', which --columns names for part",
        ),
        ({"parts": "train=a,test=c"}, r"has the part 'b'; it can be a, c"),
        ({"parts": "train=x,test=y"}, r"--parts names x, y, but .* has no column of parts"),
    ],
)
def test_a_wrong_setting_of_a_table_beside_the_photos_is_its_own_error(tmp_path, settings, message):
    put(tmp_path, "photos")
    heading = "fold" if settings.get("parts") == "train=a,test=c" else "when"
    (tmp_path / "labels.csv").write_text(f"id,breed,{heading}\n0,pug,a\n1,beagle,b\n")
    for source in (tmp_path, tmp_path / "labels.csv"):
        with pytest.raises(DataError, match=message):
            scan(fetch(source, Silent()), config=SourceConfig(**settings))


def test_columns_where_there_are_several_tables_are_refused_with_their_names(tmp_path):
    put(tmp_path, "photos")
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("id,breed\n0,pug\n1,beagle\n")
    assert "since several tables are in it: a.csv, b.csv" in question(tmp_path, columns="path=id")


def test_given_parts_without_class_folders_are_asked_about(tmp_path):
    put(tmp_path, "learn", name="cat.{}.jpg")
    put(tmp_path, "learn", "exam", name="dog.{}.jpg")
    text = question(tmp_path, parts="train=learn,test=exam")
    assert "The folders learn, exam in" in text
    assert "--label-pattern '(cat|dog)" in text
    found = counts(tmp_path, parts="train=learn,test=exam", label_pattern=r"(cat|dog)\.")
    assert found == {("train", "cat"): 2, ("train", "dog"): 2, ("test", "dog"): 2}


@pytest.mark.parametrize(
    ("folders", "parts"),
    [
        (("train", "test"), None),
        (("images/training", "images/val"), None),
        (("learn", "exam"), "train=learn,test=exam"),
    ],
)
def test_photos_of_a_table_without_parts_keep_those_of_their_folders(tmp_path, folders, parts):
    put(tmp_path, *folders)
    lines = [
        f"{folder}/{i}.jpg,{pet}" for folder in folders for i, pet in enumerate(("cat", "dog"))
    ]
    (tmp_path / "l.csv").write_text("\n".join(["path,label", *lines]))
    second = "validation" if folders[1].endswith("val") else "test"
    expected = {(part, pet): 1 for part in ("train", second) for pet in ("cat", "dog")}
    assert counts(tmp_path, parts=parts) == expected
    if not parts:
        assert {part for part, _ in counts(tmp_path, parts="none")} == {""}


def test_a_table_beside_the_folder_that_encloses_the_photos_is_read(tmp_path):
    put(tmp_path, "pets/images/one", "pets/images/two")
    (tmp_path / "pets" / "l.csv").write_text(
        "path,label\nimages/one/0.jpg,cat\nimages/two/1.jpg,dog"
    )
    assert "they are in l.csv: cat, dog: give" in question(tmp_path)


def test_photos_that_the_table_beside_them_does_not_name_are_named(tmp_path):
    put(tmp_path, "train", "test")
    for photo in (tmp_path / "test").iterdir():
        photo.rename(photo.with_stem(f"t{photo.stem}"))
    (tmp_path / "train.csv").write_text("id,breed\n0,pug\n1,beagle\n")
    (tmp_path / "test.csv").write_text("id\nt0\nt1\n")
    (tmp_path / "sample_submission.csv").write_text("id,breed\nt0,pug\nt1,beagle\n")
    notes = Notes()
    assert counts(tmp_path, notes) == {("", "pug"): 1, ("", "beagle"): 1}
    assert (
        "Not used, since no classes are found in it: sample_submission.csv, test.csv."
        in notes.texts
    )
    assert "2 photos without a line in train.csv are left out, such as test/t0.jpg." in notes.texts


def test_the_form_for_answers_of_a_competition_labels_nothing(kaggle):
    (kaggle / "sampleSubmission.csv").write_text("id,label\n0,0.5\n1,0.4\n")
    assert "--label-pattern" in question(kaggle)


def test_parts_can_be_divided_anew(tmp_path):
    put(tmp_path, "train/cats", "train/dogs", "test/cats", "test/dogs")
    expected = {("", "cats"): 4, ("", "dogs"): 4}
    assert counts(tmp_path, parts="none") == expected
    assert counts(tmp_path, parts="none", class_level=2) == expected
    assert counts(tmp_path, class_level=2) == PETS


def test_a_level_below_parts_of_other_names_keeps_them(tmp_path):
    put(tmp_path, "seg_train/cats", "seg_train/dogs", "seg_test/cats", "seg_test/dogs", "seg_pred")
    assert counts(tmp_path, class_level=2) == PETS


def test_parts_between_two_levels_of_folders_are_asked_about(tmp_path):
    put(tmp_path, *(f"{s}/{p}/{c}" for s in "xy" for p in ("train", "test") for c in "ab"))
    text = question(tmp_path)
    assert "2 classes x, y: --class-level 1" in text
    assert "2 classes a, b: --class-level 3" in text
    parts = ("train", "test")
    assert counts(tmp_path, class_level=1) == {(p, c): 4 for p in parts for c in "xy"}
    assert counts(tmp_path, class_level=3) == {(p, c): 4 for p in parts for c in "ab"}
    given = counts(tmp_path, class_level=3, parts="train=train,validation=test")
    assert given == {(p, c): 4 for p in ("train", "validation") for c in "ab"}


def test_a_photo_that_matches_no_label_pattern_stays_a_row_with_the_reason(kaggle):
    (kaggle / "train" / "other.jpg").write_bytes(b"x")
    (kaggle / "train" / "cat.9.psd").write_bytes(b"8BPS\0\1")
    config = SourceConfig(label_pattern=r"(cat|dog)\.")
    photos = scan(fetch(kaggle, Silent()), Silent(), config=config).photos
    found = {photo.path: (photo.label, photo.problem) for photo in photos if photo.problem}
    assert found.pop("train/other.jpg") == (
        "",
        "its name does not match --label-pattern, so its class is unknown",
    )
    ((path, (label, problem)),) = found.items()
    assert (path, label) == ("train/cat.9.psd", "cat")
    assert problem.startswith(".psd is an editor's own format")


def test_photos_of_a_class_in_a_format_that_is_not_read_are_to_be_converted(tmp_path):
    put(tmp_path, "cats")
    put(tmp_path, "dogs", name="{}.dcm")
    with pytest.raises(DataError, match=r"DICOM.*\nConvert them, or leave the class out"):
        check_classes(scan(fetch(tmp_path, Silent())))


def test_why_a_table_gives_no_several_labels_is_in_the_error(tmp_path):
    put(tmp_path, "pics")
    (tmp_path / "l.csv").write_text("path,Edema,Nodule\npics/0.jpg,1,-1\npics/1.jpg,0,1\n")
    listing = scan(fetch(tmp_path, Silent()), config=SourceConfig(multi_label=True))
    with pytest.raises(
        DataError, match=r"--multi-label needs two(.|\n)*hold 1 and -1, such as Nodul"
    ):
        check_classes(listing)


@pytest.mark.parametrize(
    ("folders", "left_out", "level"),
    [
        (("images", "masks"), ["masks"], 1),
        (("train", "train_masks"), ["train_masks"], 1),
        (("JPEGImages", "SegmentationClass", "SegmentationObject"), None, 1),
        (("train/images", "train/labels", "val/images", "val/labels"), ["labels"], 2),
    ],
)
def test_masks_beside_images_are_asked_about(tmp_path, folders, left_out, level):
    put(tmp_path, *folders)
    text = question(tmp_path)
    masks = left_out or list(folders[1:])
    assert "".join(f" --exclude {name}" for name in masks) in text
    assert f"--class-level {level}" in text
    assert len({label for _, label in counts(tmp_path, class_level=level)}) == len(
        {folder.rpartition("/")[2] for folder in folders}
    )


@pytest.mark.parametrize(
    "folders", [("with_mask", "without_mask"), ("photos", "drawings"), ("mask", "helmet")]
)
def test_classes_whose_names_only_sound_like_masks_or_photos_are_classes(tmp_path, folders):
    put(tmp_path, *folders)
    assert {label for _, label in counts(tmp_path)} == {*folders}


def test_tables_of_parts_that_give_other_classes_than_folders_can_be_chosen_together(tmp_path):
    put(tmp_path, "Train/0", "Train/1", "Test")
    lines = ["Train/0/0.jpg,20,0", "Train/0/1.jpg,20,0", "Train/1/0.jpg,20,1", "Train/1/1.jpg,20,1"]
    (tmp_path / "Train.csv").write_text("\n".join(["Path,Width,ClassId", *lines]))
    (tmp_path / "Test.csv").write_text("Path,Width,ClassId\nTest/0.jpg,20,0\nTest/1.jpg,20,1\n")
    text = question(tmp_path)
    assert "in Test.csv, Train.csv, each for its part: 0, 1: --columns label=ClassId" in text
    assert counts(tmp_path, columns="label=ClassId") == {
        **{("train", label): 2 for label in "01"},
        **{("test", label): 1 for label in "01"},
    }


@pytest.mark.parametrize("name", ["test", "val", "test_set", "holdout", "Testdaten"])
def test_a_part_without_classes_next_to_class_folders_is_asked_about(tmp_path, name):
    put(tmp_path, "cats", "dogs", name)
    text = question(tmp_path)
    assert f"photos without classes, to be left out: --exclude {name}\n" in text
    assert f"3 classes cats, dogs, {name}: --parts none" in text
    assert f"--exclude {name}\n" in question(tmp_path, parts=f"test={name}")
    assert counts(tmp_path, exclude=[name]) == {("", "cats"): 2, ("", "dogs"): 2}
    assert set(counts(tmp_path, parts="none")) == {("", "cats"), ("", "dogs"), ("", name)}


def test_parts_without_classes_and_a_folder_of_another_name_are_asked_about(tmp_path):
    put(tmp_path, "train", "test", "more")
    assert "--exclude test --exclude train\n" in question(tmp_path)


def test_a_class_named_train_is_a_class_with_a_note(tmp_path):
    put(tmp_path, "bus", "car", "train")
    notes = Notes()
    assert set(counts(tmp_path, notes)) == {("", "bus"), ("", "car"), ("", "train")}
    assert any(t.startswith("train: named as a part, read as a class.") for t in notes.texts)


def test_a_part_with_the_classes_next_to_it_is_asked_about(tmp_path):
    put(tmp_path, "cats", "dogs", "test/cats", "test/dogs")
    text = question(tmp_path)
    assert "test as given, and the folders beside it for training: --parts test=test\n" in text
    assert counts(tmp_path, parts="test=test") == PETS
    assert counts(tmp_path, parts="train=cats+dogs,test=test") == PETS
    assert "all photos to be divided: --parts none\n" in text
    assert counts(tmp_path, parts="none") == {("", "cats"): 4, ("", "dogs"): 4}
    assert "without test: --exclude test\n" in text
    assert counts(tmp_path, exclude=["test"]) == {("", "cats"): 2, ("", "dogs"): 2}
    assert "3 classes cats, dogs, test: --class-level 1" in text
    assert counts(tmp_path, class_level=1)["", "test"] == 4


def test_two_parts_with_the_classes_next_to_them_are_asked_about(tmp_path):
    put(tmp_path, *(f"{part}{pet}" for part in ("", "val/", "test/") for pet in ("cats", "dogs")))
    assert "--parts validation=val,test=test\n" in question(tmp_path)
    parts = ("train", "validation", "test")
    found = counts(tmp_path, parts="validation=val,test=test")
    assert found == {(part, pet): 2 for part in parts for pet in ("cats", "dogs")}
    assert counts(tmp_path, parts="none") == {("", "cats"): 6, ("", "dogs"): 6}


def test_a_training_part_with_the_classes_next_to_it_is_asked_about(tmp_path):
    put(tmp_path, "cats", "dogs", "train/cats", "train/dogs")
    assert "without the folders beside it: --parts train=train\n" in question(tmp_path)
    assert counts(tmp_path, parts="train=train") == {("", "cats"): 2, ("", "dogs"): 2}
    assert counts(tmp_path, parts="none") == {("", "cats"): 4, ("", "dogs"): 4}


@pytest.mark.parametrize("names", [("2024-01-01", "2024-02-01"), ("001", "002"), ("cats", "001")])
def test_class_folders_named_by_a_date_or_number_are_named(tmp_path, names):
    put(tmp_path, *names)
    notes = Notes()
    assert set(counts(tmp_path, notes)) == {("", name) for name in names}
    assert any("named by a date or number, read as" in text for text in notes.texts)


def test_folders_named_by_a_class_alone_are_for_training_next_to_those_with_a_part(tmp_path):
    put(tmp_path, "cats", "dogs", "cats_test", "dogs_test")
    assert counts(tmp_path) == PETS
    assert counts(tmp_path, parts="train=cats+dogs,test=cats_test+dogs_test") == PETS
    put(tmp_path, "birds")
    assert counts(tmp_path) == {**PETS, ("train", "birds"): 2}


def test_a_folder_without_a_part_next_to_those_named_by_class_and_part_is_asked_about(tmp_path):
    put(tmp_path, "cats_train", "cats_test", "dogs")
    text = question(tmp_path)
    assert "1 folder has no part: dogs" in text
    assert "2 classes cats, dogs, in parts: --parts train=cats_train+dogs,test=cats_test\n" in text
    found = counts(tmp_path, parts="train=cats_train+dogs,test=cats_test")
    assert found == {("train", "cats"): 2, ("train", "dogs"): 2, ("test", "cats"): 2}
    assert "to be divided: --parts none --merge cats=cats_test+cats_train\n" in text
    merged = counts(tmp_path, parts="none", merge="cats=cats_test+cats_train")
    assert merged == {("", "cats"): 4, ("", "dogs"): 2}
    assert "3 classes cats_test, cats_train, dogs: --parts none" in text
    assert len(counts(tmp_path, parts="none")) == 3


def test_a_class_that_is_named_for_the_test_only_is_asked_about(tmp_path):
    put(tmp_path, "cats_train", "cats_test", "dogs_train", "dogs_test", "birds_test")
    text = question(tmp_path)
    assert "no folder is for training of birds" in text
    assert "in parts: --parts" not in text


def test_classes_whose_names_only_contain_the_word_of_a_part_are_classes(tmp_path):
    put(tmp_path, "bus_station", "train_station", "test_tube")
    assert len(counts(tmp_path)) == 3


def test_a_table_of_a_part_without_class_folders_is_asked_about(tmp_path):
    put(tmp_path, "train/cats", "train/dogs", "test")
    (tmp_path / "test.csv").write_text("path,label\ntest/0.jpg,cats\ntest/1.jpg,dogs\n")
    text = question(tmp_path)
    assert "test.csv gives the classes of 2 photos in test, such as test/0.jpg (cats)" in text
    assert "such as test/cats/0.jpg\n" in text
    found = counts(tmp_path, exclude=["test.csv"])
    assert found == {("", "cats"): 2, ("", "dogs"): 2}


def test_a_table_of_another_format_in_parts_without_class_folders_is_named(tmp_path):
    put(tmp_path, "train", "test")
    for part in ("train", "test"):
        (tmp_path / part / "metadata.jsonl").write_text('{"file_name": "0.jpg", "label": 1}\n')
    assert "In train: metadata.jsonl in it is a table of another format" in question(tmp_path)


def test_an_audit_proposes_a_pattern_of_file_names(tmp_path):
    put(tmp_path, ".", name="cat.{}.jpg")
    put(tmp_path, ".", name="dog.{}.jpg")
    notes = Notes()
    report_missing_classes(scan(fetch(tmp_path, Silent())), notes)
    assert "--label-pattern '(cat|dog)" in notes.texts[0]


@pytest.mark.parametrize(
    ("names", "option", "odd"),
    [
        (("alice", "train"), "train=train,validation=alice", "alice"),
        (("train", "zoe"), "train=train,validation=zoe", "zoe"),
        (("alice", "mytestx"), "train=alice,test=mytestx", "mytestx"),
    ],
)
def test_the_folder_that_may_not_belong_to_the_others_is_named(tmp_path, names, option, odd):
    put(tmp_path, *(f"{name}/{pet}" for name in names for pet in ("cats", "dogs")))
    text = question(tmp_path, parts=None)
    assert f"--parts {option}" in text
    assert text.endswith(f"--exclude {odd}")


@pytest.mark.parametrize(("own", "is_asked"), [(("c", "d"), True), (("c", "d", "e"), False)])
def test_folders_of_which_half_are_the_same_are_asked_about(tmp_path, own, is_asked):
    put(tmp_path, "alice/a", "alice/b", *(f"bob/{name}" for name in ("a", "b", *own)))
    if is_asked:
        assert "hold the same folders: a, b, c, d" in question(tmp_path)
    else:
        assert counts(tmp_path) == {("", "alice"): 4, ("", "bob"): 10}
