"""What the layouts on a disk become: every picture a row, with its class and part."""

import os
import shutil
import socket
import tempfile
import unicodedata
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pawsight.config import SourceConfig
from pawsight.data import file_types
from pawsight.data.listing.class_check import check_classes
from pawsight.data.listing.scan import scan
from pawsight.data.sources import fetch
from pawsight.errors import DataError, SourceError
from pawsight.progress import Silent
from pawsight.records import Photo

JPEG = b"\xff\xd8\xff\xe0" + bytes(20)


class Notes(Silent):
    def __init__(self):
        self.texts = []

    def note(self, text):
        self.texts.append(text)


def put(root, *paths, data=b"x"):
    for path in paths:
        full = root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(data)
    return root


def listed(root, progress=None, config=None):
    return scan(fetch(root, Silent()), progress or Silent(), config=config)


def rows(root, progress=None, config=None):
    return [(p.path, p.label, p.part) for p in listed(root, progress, config).photos]


def problems(root):
    return {p.path: p.problem for p in listed(root).photos if p.problem}


def test_each_folder_is_a_class_and_what_lies_deeper_belongs_to_it(tmp_path):
    put(tmp_path, "dogs/b.png", "cats/2019/07/a.jpg", "cats/c.HEIC")
    assert rows(tmp_path) == [
        ("cats/2019/07/a.jpg", "cats", ""),
        ("cats/c.HEIC", "cats", ""),
        ("dogs/b.png", "dogs", ""),
    ]


def test_size_and_time_of_a_photo_are_known(tmp_path):
    put(tmp_path, "cats/a.jpg", "dogs/b.jpg", data=b"12345")
    os.utime(tmp_path / "cats" / "a.jpg", ns=(7, 123_456_789))
    photo = listed(tmp_path).photos[0]
    assert (photo.size, photo.mtime_ns) == (5, 123_456_789)


@pytest.mark.parametrize("train", ["train", "Train", "TRAINING"])
@pytest.mark.parametrize("validation", ["validation", "val", "valid", "Val"])
def test_folders_of_parts_are_known_by_their_names(tmp_path, train, validation):
    put(tmp_path, f"{train}/cats/a.jpg", f"{validation}/cats/b.jpg", "test/dogs/c.jpg")
    assert sorted(rows(tmp_path)) == sorted(
        [
            (f"{train}/cats/a.jpg", "cats", "train"),
            (f"{validation}/cats/b.jpg", "cats", "validation"),
            ("test/dogs/c.jpg", "dogs", "test"),
        ]
    )


def test_folders_named_train_and_test_without_folders_inside_are_classes_on_request(tmp_path):
    put(tmp_path, "train/a.jpg", "test/b.jpg")
    with pytest.raises(DataError, match=r"--label-pattern '\(cat\|dog\)(.|\n)*--parts none"):
        listed(tmp_path)
    assert rows(tmp_path, config=SourceConfig(parts="none")) == [
        ("test/b.jpg", "test", ""),
        ("train/a.jpg", "train", ""),
    ]


def test_a_class_named_train_beside_others_is_a_class(tmp_path):
    put(tmp_path, "train/steam/a.jpg", "car/b.jpg")
    assert [row[1] for row in rows(tmp_path)] == ["car", "train"]


def test_two_folders_for_one_part_are_refused(tmp_path):
    put(tmp_path, "train/c/a.jpg", "val/c/a.jpg", "valid/c/a.jpg")
    with pytest.raises(DataError, match=r"folders val and valid in .* are all named as"):
        listed(tmp_path)


def test_a_test_part_without_classes_is_left_out_with_a_note(tmp_path):
    put(tmp_path, "train/c/a.jpg", "val/c/b.jpg", "test/1.jpg", "test/2.jpg")
    notes = Notes()
    listing = listed(tmp_path, notes)
    assert [p.part for p in listing.photos] == ["train", "validation"]
    assert listing.num_ignored == 2
    assert "Left out test/: it has no class folders (2 photos)" in notes.texts[0]


def test_a_folder_beside_the_parts_is_left_out_with_a_note(tmp_path):
    put(tmp_path, "train/c/a.jpg", "val/c/b.jpg", "spare/c/d.jpg")
    notes = Notes()
    assert len(rows(tmp_path, notes)) == 2
    assert "Left out spare/" in notes.texts[0]
    assert "(1 photo)" in notes.texts[0]


def test_an_enclosing_folder_is_looked_through(tmp_path):
    put(tmp_path, "download/readme.txt", "download/cats/a.jpg", "download/dogs/b.jpg")
    listing = listed(tmp_path)
    assert listing.root == tmp_path / "download"
    assert [p.path for p in listing.photos] == ["cats/a.jpg", "dogs/b.jpg"]


def test_one_class_alone_is_not_looked_through(tmp_path):
    put(tmp_path, "cats/2019/a.jpg")
    assert rows(tmp_path) == [("cats/2019/a.jpg", "cats", "")]


def test_photos_beside_the_class_folders_are_named(tmp_path):
    put(tmp_path, "cats/a.jpg", "dogs/b.jpg", "lost.jpg")
    notes = Notes()
    listing = listed(tmp_path, notes)
    assert [p.path for p in listing.photos if "outside the class folders" in p.problem] == [
        "lost.jpg"
    ]
    assert "Left out: 1 photo in" in notes.texts[0]


@pytest.mark.parametrize("paths", [("a.jpg", "b.jpg"), ("a.jpg", "more/b.jpg")])
def test_photos_without_classes_are_listed_without_labels(tmp_path, paths):
    put(tmp_path, *paths)
    assert rows(tmp_path) == [(path, "", "") for path in paths]


def test_a_class_folder_without_photos_is_noted(tmp_path):
    put(tmp_path, "cats/a.jpg", "dogs/b.jpg", "birds/notes.txt")
    notes = Notes()
    assert len(rows(tmp_path, notes)) == 2
    assert notes.texts == [
        "1 folder holds no photos, so no class: birds",
        "2 classes from folder names: cats, dogs.",
    ]


def test_a_folder_without_any_photo_is_refused(tmp_path):
    put(tmp_path, "cats/a.txt", "dogs/b.pdf")
    with pytest.raises(SourceError, match=r"no photos in .*, only 2 other file"):
        listed(tmp_path)


def test_other_files_are_counted_in_silence(tmp_path):
    others = ["Thumbs.db", ".DS_Store", "notes.txt", "x.json", "._a.jpg", "clip.mp4"]
    put(tmp_path, "cats/a.jpg", "dogs/b.jpg", *(f"cats/{name}" for name in others))
    put(tmp_path, "cats/__MACOSX/c.jpg", "cats/@eaDir/d.jpg")
    listing = listed(tmp_path)
    assert [p.path for p in listing.photos] == ["cats/a.jpg", "dogs/b.jpg"]
    assert listing.num_ignored == 6 + 2


@pytest.mark.parametrize(
    "extension",
    [
        "jpg",
        "JPEG",
        "jpe",
        "jfif",
        "png",
        "webp",
        "avif",
        "heic",
        "heif",
        "tif",
        "tiff",
        "bmp",
        "gif",
        "jp2",
        "mpo",
        "ppm",
        "tga",
        "ico",
    ],
)
def test_photo_formats_are_known_by_their_endings(tmp_path, extension):
    put(tmp_path, f"cats/a.{extension}", "dogs/b.jpg")
    assert not problems(tmp_path)
    assert len(rows(tmp_path)) == 2


@pytest.mark.parametrize(
    ("extension", "reason"),
    [
        ("cr2", "raw format"),
        ("NEF", "raw format"),
        ("dng", "raw format"),
        ("svg", "a drawing"),
        ("psd", "editor's own format"),
        ("jxl", "JPEG XL"),
    ],
)
def test_a_picture_that_cannot_be_read_stays_a_row_with_the_reason(
    tmp_path, extension, reason, monkeypatch
):
    monkeypatch.setattr(file_types, "_is_read", lambda reason: False)
    put(tmp_path, f"cats/a.{extension}", "cats/b.jpg", "dogs/c.jpg")
    assert list(problems(tmp_path)) == [f"cats/a.{extension}"]
    assert reason in problems(tmp_path)[f"cats/a.{extension}"]


@pytest.mark.parametrize(
    "start",
    [
        JPEG,
        b"\x89PNG\r\n\x1a\n" + bytes(20),
        b"GIF89a" + bytes(20),
        b"RIFF\x10\0\0\0WEBPVP8 ",
        b"BM\x36\x10\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0" + bytes(14),
        b"II*\0\x08\0\0\0",
        b"\0\0\0\x18ftypheic\0\0\0\0",
        b"\0\0\0\x1cftypavif\0\0\0\0",
        b"P6 4 4 255 ",
    ],
)
@pytest.mark.parametrize("name", ["nameless", "a.jpg_large", "photo.2019"])
def test_a_file_whose_name_has_no_ending_is_known_by_its_first_bytes(tmp_path, start, name):
    put(tmp_path, f"cats/{name}", data=start)
    put(tmp_path, "dogs/b.jpg")
    assert [row[0] for row in rows(tmp_path)] == [f"cats/{name}", "dogs/b.jpg"]


def test_unknown_files_that_are_no_pictures_are_counted(tmp_path):
    put(tmp_path, "cats/LICENSE", "cats/x.foo", "cats/BMW", data=b"BMW is a brand, P6 is not")
    put(tmp_path, "cats/empty", data=b"")
    put(tmp_path, "cats/a.jpg", "dogs/b.jpg")
    listing = listed(tmp_path)
    assert len(listing.photos) == 2
    assert listing.num_ignored == 4


def test_the_format_of_a_foreign_picture_without_a_name_is_reported(tmp_path):
    put(tmp_path, "cats/layers", data=b"8BPS\0\x01")
    put(tmp_path, "cats/a.jpg", "dogs/b.jpg")
    assert "a Photoshop file" in problems(tmp_path)["cats/layers"]


def test_links_to_files_and_folders_are_followed(tmp_path):
    put(tmp_path, "store/a.jpg", "store/more/b.jpg", "pets/dogs/c.jpg")
    (tmp_path / "pets" / "cats").mkdir()
    (tmp_path / "pets" / "cats" / "a.jpg").symlink_to(tmp_path / "store" / "a.jpg")
    (tmp_path / "pets" / "cats" / "more").symlink_to(tmp_path / "store" / "more")
    assert [row[0] for row in rows(tmp_path / "pets")] == [
        "cats/a.jpg",
        "cats/more/b.jpg",
        "dogs/c.jpg",
    ]


@pytest.mark.parametrize("target", [".", "..", "../..", "../dogs/loop", "loop", "deep/loop"])
def test_a_loop_of_links_ends_and_adds_nothing(tmp_path, target):
    put(tmp_path, "pets/cats/a.jpg", "pets/dogs/b.jpg")
    (tmp_path / "pets" / "cats" / "loop").symlink_to(target)
    (tmp_path / "pets" / "cats" / "deep").mkdir()
    (tmp_path / "pets" / "cats" / "deep" / "loop").symlink_to("..")
    (tmp_path / "pets" / "dogs" / "loop").symlink_to("../../pets")
    assert [row[0] for row in rows(tmp_path / "pets")] == ["cats/a.jpg", "dogs/b.jpg"]


def test_a_photo_that_is_a_broken_link_is_a_row(tmp_path):
    put(tmp_path, "cats/a.jpg", "dogs/b.jpg")
    (tmp_path / "cats" / "gone.jpg").symlink_to("nowhere.jpg")
    assert problems(tmp_path) == {"cats/gone.jpg": "file not found"}


def test_pipes_and_sockets_never_hang_a_scan(tmp_path):
    put(tmp_path, "cats/a.jpg", "dogs/b.jpg")
    os.mkfifo(tmp_path / "cats" / "pipe.jpg")
    os.mkfifo(tmp_path / "cats" / "pipe")
    with socket.socket(socket.AF_UNIX) as opened:
        here = Path.cwd()
        os.chdir(tmp_path / "cats")  # the name of a socket must be short
        try:
            opened.bind("socket.jpg")
        finally:
            os.chdir(here)
        found = problems(tmp_path)
    assert set(found) == {"cats/pipe.jpg", "cats/socket.jpg"}
    assert listed(tmp_path).num_ignored == 1


@contextmanager
def a_user_without_rights():
    """Root may read everything, so the test gives its rights away for a moment."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_dir():
    """A folder below one that everybody may enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_folder_that_cannot_be_read_is_named_and_the_others_are_listed(open_dir):
    put(open_dir, "cats/a.jpg", "cats/private/b.jpg", "dogs/c.jpg")
    (open_dir / "cats" / "private").chmod(0)
    with a_user_without_rights():
        found = problems(open_dir)
    (open_dir / "cats" / "private").chmod(0o755)
    assert found == {"cats/private": "this folder cannot be read: Permission denied"}


def test_a_source_that_cannot_be_read_is_named(open_dir):
    put(open_dir, "pets/cats/a.jpg")
    (open_dir / "pets").chmod(0)
    with a_user_without_rights(), pytest.raises(SourceError, match="pets cannot be read: Permis"):
        fetch(open_dir / "pets", Silent())
    (open_dir / "pets").chmod(0o755)


def test_a_part_that_cannot_be_read_is_named(open_dir):
    put(open_dir, "train/cats/a.jpg", "val/cats/b.jpg")
    (open_dir / "val").chmod(0)
    with a_user_without_rights(), pytest.raises(SourceError, match="val cannot be read: Permis"):
        listed(open_dir)
    (open_dir / "val").chmod(0o755)


def test_class_names_may_have_spaces_accents_and_emoji(tmp_path):
    put(tmp_path, "Maine Coon/a.jpg", "Épagneul/b.jpg", "🐶 & co/c.jpg")
    assert {row[1] for row in rows(tmp_path)} == {"Maine Coon", "Épagneul", "🐶 & co"}


def test_an_accent_is_the_same_however_it_is_stored(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "Épagneul") for form in ("NFC", "NFD"))
    put(tmp_path, f"train/{composed}/a.jpg", f"val/{decomposed}/b.jpg", "train/cats/c.jpg")
    assert {row[1] for row in rows(tmp_path)} == {composed, "cats"}


def test_names_of_any_bytes_survive_and_labels_stay_text(tmp_path):
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    Path(folder).mkdir()
    put(Path(folder), "a.jpg")
    put(tmp_path, "dogs/b.jpg")
    photo = listed(tmp_path).photos[0]
    assert os.fsencode(photo.path) == b"caf\xe9/a.jpg"
    assert photo.label == r"caf\xe9"
    assert (tmp_path / photo.path).is_file()


def check(root):
    check_classes(listed(root))


def test_two_classes_pass(tmp_path):
    listing = listed(put(tmp_path, "cats/a.jpg", "dogs/b.jpg"))
    check_classes(listing)
    assert [photo.label for photo in listing.photos] == ["cats", "dogs"]


def test_one_class_is_named_and_the_layout_is_shown(tmp_path):
    with pytest.raises(
        DataError, match=r"only one class, 'cats'(.|\n)*There should be(.|\n)*dogs/"
    ):
        check(put(tmp_path, "cats/a.jpg"))


def test_photos_without_classes_are_not_trained_on(tmp_path):
    with pytest.raises(DataError, match="photos but no classes"):
        check(put(tmp_path, "a.jpg", "b.jpg"))


def test_a_class_that_only_the_validation_part_has_is_named(tmp_path):
    put(tmp_path, "train/cats/a.jpg", "train/dogs/b.jpg", "val/Dogs/c.jpg", "val/cats/d.jpg")
    with pytest.raises(
        DataError, match=r"validation part has a class 'Dogs'.*If it is 'dogs' there"
    ):
        check(tmp_path)


def test_a_class_that_the_validation_part_lacks_passes(tmp_path):
    listing = listed(put(tmp_path, "train/cats/a.jpg", "train/dogs/b.jpg", "val/cats/d.jpg"))
    check_classes(listing)
    assert [p.label for p in listing.photos if p.part == "validation"] == ["cats"]


def test_a_class_of_broken_photos_is_named_with_a_reason(tmp_path):
    listing = listed(put(tmp_path, "cats/a.jpg", "dogs/b.jpg", "dogs/c.jpg"))
    broken: list[Photo] = [
        replace(p, problem="cut short") if p.label == "dogs" else p for p in listing.photos
    ]
    with pytest.raises(
        DataError, match=r"No photo of class 'dogs' .*2 files(.|\n)*b\.jpg: cut short"
    ):
        check_classes(replace(listing, photos=tuple(broken)))


def groups(root, group_by):
    return {p.path: p.group for p in scan(fetch(root, Silent()), group_by=group_by).photos}


def test_photos_are_grouped_by_the_folder_below_their_class_when_asked(tmp_path):
    put(tmp_path, "dogs/b.png", "cats/2019/07/a.jpg", "cats/2019/c.jpg", "dogs/2019/d.jpg")
    assert groups(tmp_path, "folder") == {
        "cats/2019/07/a.jpg": "2019/07",
        "cats/2019/c.jpg": "2019",
        "dogs/2019/d.jpg": "2019",
        "dogs/b.png": "",
    }
    assert set(groups(tmp_path, None).values()) == {""}


def test_folders_of_parts_are_no_groups(tmp_path):
    put(tmp_path, "train/cats/Tom/a.jpg", "train/cats/b.jpg", "val/cats/Tom/c.jpg")
    assert groups(tmp_path, "folder") == {
        "train/cats/Tom/a.jpg": "Tom",
        "train/cats/b.jpg": "",
        "val/cats/Tom/c.jpg": "Tom",
    }


def test_a_group_is_text_whatever_the_folder_is_called(tmp_path):
    put(tmp_path, os.fsdecode(b"cats/caf\xe9/a.jpg"), "dogs/b.jpg")
    assert "caf\\xe9" in groups(tmp_path, "folder").values()


def test_folders_cannot_be_grouped_by_a_column(tmp_path):
    put(tmp_path, "cats/a.jpg", "dogs/b.jpg")
    with pytest.raises(DataError, match=r"cannot be grouped by 'animal': no table is used"):
        groups(tmp_path, "animal")


def test_a_train_part_alone_is_divided_where_folders_give_it_and_not_where_a_table_does(tmp_path):
    put(tmp_path, "train/cats/a.jpg", "train/dogs/b.jpg")
    assert {row[2] for row in rows(tmp_path)} == {""}
    lines = "train/cats/a.jpg,cats,train\ntrain/dogs/b.jpg,dogs,train\n"
    (tmp_path / "labels.csv").write_text(f"path,label,part\n{lines}")
    assert {row[2] for row in rows(tmp_path / "labels.csv")} == {"train"}
