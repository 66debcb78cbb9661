"""Which of the tables next to photos give their classes, and what is noted of the others."""

import pytest

from pawsight.config import SourceConfig
from pawsight.data.listing.class_check import check_classes
from pawsight.data.listing.scan import scan
from pawsight.data.sources import fetch
from pawsight.errors import DataError
from pawsight.progress import Silent


def put(root, **texts):
    """Write tables, given by the name before .csv."""
    for name, text in texts.items():
        (root / f"{name}.csv").parent.mkdir(parents=True, exist_ok=True)
        (root / f"{name}.csv").write_text(text)


def photos(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x")


def found(root, progress=None, **config):
    listing = scan(fetch(root, Silent()), progress or Silent(), config=SourceConfig(**config))
    return [(photo.path, photo.label, photo.part) for photo in listing.photos]


FIRST, SECOND = "path,label\na.jpg,cat\nb.jpg,dog\n", "path,label\nc.jpg,cat\nd.jpg,dog\n"


@pytest.fixture
def four(tmp_path):
    photos(tmp_path, "a.jpg", "b.jpg", "c.jpg", "d.jpg")
    return tmp_path


def test_a_table_named_for_training_alone_gives_no_parts(four):
    put(four, train=FIRST)
    assert found(four) == [("a.jpg", "cat", ""), ("b.jpg", "dog", "")]


@pytest.mark.parametrize(
    "tables",
    [
        {"train": FIRST, "training": SECOND},
        {"test": FIRST, "validation": SECOND},
        {"train": FIRST, "test": SECOND, "more": FIRST},
        {"one": FIRST, "two": SECOND},
    ],
)
def test_tables_that_are_not_one_for_each_part_are_not_used(four, recorded, tables):
    put(four, **tables)
    assert {row[1:] for row in found(four, recorded)} == {("", "")}
    names = ", ".join(f"{name}.csv" for name in sorted(tables))
    advice = "Give one of them as the source to take the labels from it."
    assert f"Not used, because there are several: {names}. {advice}" in recorded.notes
    with pytest.raises(DataError, match=f"Several tables beside them give classes: {names}"):
        check_classes(scan(fetch(four, Silent())))


def test_tables_that_are_one_for_each_part_give_the_parts(four):
    put(four, train=FIRST, test=SECOND)
    parts = [("a.jpg", "train"), ("b.jpg", "train"), ("c.jpg", "test"), ("d.jpg", "test")]
    assert [(path, part) for path, _, part in found(four)] == parts


def test_of_tables_beside_one_folder_those_count_that_name_photos(tmp_path, recorded):
    photos(tmp_path, "images/a.jpg", "images/b.jpg")
    put(tmp_path, labels=FIRST, classes="id,name\n0,cat\n1,dog\n")
    assert [row[1] for row in found(tmp_path, recorded)] == ["cat", "dog"]
    text = "Not used, since none of the photos that it names exists: classes.csv."
    assert text in recorded.notes


@pytest.mark.parametrize(("unnamed", "words"), [(1, "1 photo"), (2, "2 photos")])
def test_photos_without_a_line_are_counted_and_named(tmp_path, recorded, unnamed, words):
    photos(tmp_path, "a.jpg", "b.jpg", *(f"{letter}.jpg" for letter in "yz"[:unnamed]))
    put(tmp_path, labels=FIRST)
    listing = scan(fetch(tmp_path, Silent()), recorded)
    assert listing.num_ignored == unnamed
    are = "is" if unnamed == 1 else "are"
    assert f"{words} without a line in labels.csv {are} left out, such as y.jpg." in recorded.notes


@pytest.mark.parametrize(
    ("heading", "num_labels", "num_lines", "config", "reason"),
    [
        ("what", 20, 21, {}, ""),
        ("what", 21, 22, {}, "has 21 values, such as 'l00'"),
        ("what", 21, 41, {}, "has 21 values, such as 'l00'"),
        ("what", 21, 42, {}, ""),  # two photos each
        ("label", 21, 22, {}, ""),  # a usual heading
        ("what", 21, 22, {"columns": "label=what"}, ""),  # the user's choice
        ("what", 2, 3, {}, ""),
        ("what", 1, 2, {}, "gives only one label, 'l00'"),
    ],
)
def test_a_column_of_more_than_twenty_values_gives_no_classes_unless_each_has_two_photos(
    tmp_path, heading, num_labels, num_lines, config, reason
):
    photos(tmp_path, *(f"{number}.jpg" for number in range(num_lines)))
    lines = "".join(f"{number}.jpg,l{number % num_labels:02}\n" for number in range(num_lines))
    put(tmp_path, labels=f"path,{heading}\n{lines}")
    listing = scan(fetch(tmp_path, Silent()), config=SourceConfig(**config))
    if reason:
        assert {photo.label for photo in listing.photos} == {""}
        assert listing.advice.startswith("The table labels.csv beside them is not used:\n  The ")
        assert reason in listing.advice
    else:
        assert len({photo.label for photo in listing.photos}) == num_labels


@pytest.fixture
def parts(tmp_path):
    """Photos in folders of parts without folders of classes."""
    photos(tmp_path, "train/a.jpg", "train/b.jpg", "test/c.jpg", "test/d.jpg")
    return tmp_path


def test_a_table_in_each_part_is_used_although_one_names_one_class(parts):
    put(parts / "train", labels=FIRST)
    put(parts / "test", labels="path,label\nc.jpg,cat\nd.jpg,cat\n")
    assert found(parts) == [
        ("test/c.jpg", "cat", "test"),
        ("test/d.jpg", "cat", "test"),
        ("train/a.jpg", "cat", "train"),
        ("train/b.jpg", "dog", "train"),
    ]


@pytest.mark.parametrize("second", [None, "path,label\nc.jpg,\nd.jpg,\n"])
def test_a_table_in_one_part_only_gives_no_classes(parts, second):
    put(parts / "train", labels=FIRST)
    if second:
        put(parts / "test", labels=second)
    with pytest.raises(DataError, match="--label-pattern"):
        found(parts)


def test_tables_of_parts_that_give_one_class_in_all_give_none(parts):
    put(parts / "train", labels="path,label\na.jpg,cat\nb.jpg,cat\n")
    put(parts / "test", labels="path,label\nc.jpg,cat\nd.jpg,cat\n")
    with pytest.raises(DataError, match="--label-pattern"):
        found(parts)


@pytest.fixture
def classes(tmp_path):
    photos(tmp_path, "cats/a.jpg", "cats/b.jpg", "dogs/c.jpg", "dogs/d.jpg")
    return tmp_path


def test_tables_beside_class_folders_are_named_by_what_they_give(classes, recorded):
    lines = "cats/a.jpg,cats,{}\ndogs/c.jpg,dogs,{}\n"
    put(
        classes,
        plain="path,label\n" + lines.replace(",{}", ""),
        parts="path,label,split\n" + lines.format("train", "test"),
        sizes="name,width\na,3.5\nb,2.25\n",
        words="id,name\n0,cats\n1,dogs\n",
    )
    assert {label for _, label, _ in found(classes, recorded)} == {"cats", "dogs"}
    names = "parts.csv, plain.csv, words.csv"
    assert f"Not used, since folders give the classes: {names}." in recorded.notes
    assert not any("none of the photos" in text for text in recorded.notes)
    (of_parts,) = (text for text in recorded.notes if "gives parts, too" in text)
    assert of_parts.startswith("parts.csv gives parts, too, by its column split.")
    assert any(text.startswith("No classes are found in sizes.csv, so") for text in recorded.notes)


def test_class_folders_without_a_table_have_no_note_on_tables(classes, recorded):
    found(classes, recorded)
    assert recorded.notes == ["2 classes from folder names: cats, dogs."]


def test_a_chosen_level_of_folders_is_not_compared_with_a_table(classes):
    put(classes, labels="path,label\ncats/a.jpg,pug\ndogs/c.jpg,siam\n")
    with pytest.raises(DataError, match="--class-level 1"):
        found(classes)
    assert {label for _, label, _ in found(classes, class_level=1)} == {"cats", "dogs"}
