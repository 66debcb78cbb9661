from pathlib import Path

import pytest

from pawsight.data.catalog import Catalog
from pawsight.errors import DataError, RunError
from pawsight.records import Photo


@pytest.fixture
def catalog() -> Catalog:
    return Catalog(
        "pets",
        Path("/photos"),
        (
            Photo("cats/a.jpg", "cats", "train", 10, 7, "", "JPEG", 4, 3, "aa", "00", 1.25, 2.5),
            Photo("cats/b.jpg", "cats", problem="empty file"),
            Photo("dogs/c.jpg", "dogs", "test", sha256="cc"),
            Photo("dogs/d.jpg", "dogs", "train", sha256="dd"),
        ),
        3,
    )


def test_usable_leaves_out_what_has_a_problem(catalog):
    assert catalog.usable.tolist() == [0, 2, 3]
    assert [photo.path for photo in catalog.broken] == ["cats/b.jpg"]


def test_class_names_are_sorted_and_labels_are_their_positions(catalog):
    assert catalog.class_names == ("cats", "dogs")
    assert catalog.labels([3, 0]).tolist() == [1, 0]


def test_classes_and_parts_are_in_order_whatever_the_order_of_the_photos():
    photos = (Photo("z.jpg", "eels", "test"), Photo("b.jpg", "dogs", "train"))
    photos += (Photo("a.jpg", "cats", "test"), Photo("y.jpg", "dogs", "test"))
    catalog = Catalog("pets", Path(), photos)
    assert catalog.class_names == ("cats", "dogs", "eels")
    assert catalog.labels([0, 1, 2, 3]).tolist() == [2, 1, 0, 1]
    assert catalog.part("test").tolist() == [0, 2, 3]


def test_a_class_whose_photos_are_all_broken_is_still_a_class():
    catalog = Catalog("pets", Path(), (Photo("x/a", "x", problem="empty"), Photo("y/b", "y")))
    assert catalog.class_names == ("x", "y")


def test_labels_names_the_photo_without_one():
    catalog = Catalog("pets", Path("/photos"), (Photo("a.jpg", "cats"), Photo("b.jpg")))
    with pytest.raises(DataError, match=r"/photos/b\.jpg has no label"):
        catalog.labels([0, 1])


def test_part_gives_usable_photos_only(catalog):
    assert catalog.part("train").tolist() == [0, 3]
    assert catalog.part("test").tolist() == [2]
    assert catalog.part("validation").tolist() == []
    assert catalog.part("validation").dtype == "int64"
    assert catalog.has_parts


def test_an_empty_catalog_has_empty_answers():
    catalog = Catalog("none", Path(), ())
    assert catalog.class_names == ()
    assert catalog.usable.tolist() == []
    assert catalog.labels([]).tolist() == []
    assert not catalog.has_parts


def test_every_row_survives_saving(catalog, tmp_path):
    catalog.save(tmp_path / "catalog.csv")
    loaded = Catalog.load(tmp_path / "catalog.csv", Path("/photos"))
    assert loaded.photos == catalog.photos
    assert loaded.root == Path("/photos")


@pytest.mark.parametrize(
    "path",
    [
        *(
            "a,b.jpg",
            'a"b.jpg',
            "a\nb.jpg",
            "a\rb.jpg",
            "a\r\nb.jpg",
            " a ",
            "é😀.jpg",
            "\udcff.jpg",
        ),
        *("=1.jpg", "'=1.jpg", "''@1", "./=1.jpg", "-1.jpg", "'a.jpg"),
    ],
)
def test_any_name_survives_saving(path, tmp_path):
    photos = (Photo(path, path, problem="one, two\nthree", group=f"={path}"),)
    Catalog("odd", tmp_path, photos).save(tmp_path / "catalog.csv")
    assert Catalog.load(tmp_path / "catalog.csv", tmp_path).photos == photos


def test_the_file_is_a_table_that_a_person_can_read(catalog, tmp_path):
    catalog.save(tmp_path / "catalog.csv")
    lines = (tmp_path / "catalog.csv").read_text().splitlines()
    assert lines[0].startswith("path,label,part,group,problem,flaw,format,width,height,size,")
    assert lines[1] == "cats/a.jpg,cats,train,,,,JPEG,4,3,10,1.25,0.0,2.5,aa,00,7,,,0,"


def test_no_cell_is_a_formula(tmp_path):
    photos = (Photo("=1.jpg", "+cats", "train", problem="", group="@me", brightness=-1.5),)
    catalog = Catalog("odd", tmp_path, photos)
    catalog.save(tmp_path / "catalog.csv")
    catalog.save_split(tmp_path / "split.csv")

    assert (tmp_path / "catalog.csv").read_text().splitlines()[1] == (
        "./=1.jpg,'+cats,train,'@me,,,,0,0,0,-1.5,0.0,0.0,,,0,,,0,"
    )
    assert (tmp_path / "split.csv").read_text() == "path,label,part\n./=1.jpg,'+cats,train\n"


def test_names_of_a_catalog_of_an_earlier_version_are_taken_as_they_are(tmp_path):
    Catalog("odd", tmp_path, (Photo("a.jpg", "cats"),)).save(tmp_path / "catalog.csv")
    text = (tmp_path / "catalog.csv").read_text()
    (tmp_path / "catalog.csv").write_text(text.replace("a.jpg,cats", "=a.jpg,=cats"))

    (photo,) = Catalog.load(tmp_path / "catalog.csv", tmp_path).photos

    assert (photo.path, photo.label) == ("=a.jpg", "=cats")


def test_the_split_is_saved_as_path_label_part(catalog, tmp_path):
    catalog.save_split(tmp_path / "split.csv")
    assert (tmp_path / "split.csv").read_text() == (
        "path,label,part\ncats/a.jpg,cats,train\ndogs/c.jpg,dogs,test\ndogs/d.jpg,dogs,train\n"
    )


@pytest.mark.parametrize(
    "text", ["a,b\n1,2\n", "path,label\nx,y\n", '"', "\x00", "path,label,part\n"], ids=repr
)
def test_what_is_no_catalog_is_refused(text, tmp_path):
    (tmp_path / "catalog.csv").write_text(text)
    with pytest.raises(RunError, match="is not a catalog"):
        Catalog.load(tmp_path / "catalog.csv", tmp_path)


def test_a_missing_catalog_is_named(tmp_path):
    with pytest.raises(RunError, match=r"catalog\.csv cannot be read"):
        Catalog.load(tmp_path / "catalog.csv", tmp_path)


@pytest.mark.parametrize("samples", ["uint16", "uint16 0 x", "uint16 0 inf", "float32 1"])
def test_a_range_of_values_that_is_none_is_a_damaged_catalog(tmp_path, samples):
    catalog = Catalog("pets", tmp_path, (Photo("a.png", "cats", samples="uint16 0 4095"),))
    catalog.save(tmp_path / "catalog.csv")
    text = (tmp_path / "catalog.csv").read_text()
    (tmp_path / "catalog.csv").write_text(text.replace("uint16 0 4095", samples))
    with pytest.raises(RunError, match="is not a catalog of photos, or it is damaged"):
        Catalog.load(tmp_path / "catalog.csv", tmp_path)


def test_a_line_with_too_few_cells_is_a_damaged_catalog(tmp_path):
    Catalog("pets", tmp_path, (Photo("a.png", "cats"),)).save(tmp_path / "catalog.csv")
    text = (tmp_path / "catalog.csv").read_text()
    (tmp_path / "catalog.csv").write_text(text.rstrip("\n").rpartition(",")[0] + "\n")
    with pytest.raises(RunError, match="is not a catalog of photos, or it is damaged"):
        Catalog.load(tmp_path / "catalog.csv", tmp_path)


def test_a_catalog_of_an_earlier_version_is_read(tmp_path):
    photos = (Photo("a.png", "cats", camera="NIKON D70", jpeg_quality=75),)
    Catalog("pets", tmp_path, photos).save(tmp_path / "catalog.csv")
    lines = (tmp_path / "catalog.csv").read_text().splitlines()
    shorter = "".join(line.rsplit(",", 3)[0] + "\n" for line in lines)
    (tmp_path / "catalog.csv").write_text(shorter)

    assert Catalog.load(tmp_path / "catalog.csv", tmp_path).photos == (Photo("a.png", "cats"),)
