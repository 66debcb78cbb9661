"""Files that belong to a photo go where it goes."""

import pytest

from pawsight.sorting.execution import carry_out
from pawsight.sorting.sidecars import Sidecars, renamed

from .conftest import SILENT, read_tree


@pytest.mark.parametrize(
    ("sidecar", "target"),
    [
        ("IMG.xmp", "cats/IMG (2).xmp"),
        ("IMG.AAE", "cats/IMG (2).AAE"),
        ("IMG.jpg.xmp", "cats/IMG (2).jpg.xmp"),
        ("IMG.jpg.v2.xmp", "cats/IMG (2).jpg.v2.xmp"),
        ("IMG.jpg.supplemental-metadata.json", "cats/IMG (2).jpg.supplemental-metadata.json"),
    ],
)
def test_sidecar_is_found_and_named_like_its_photo(tmp_path, sidecar, target):
    path = tmp_path / sidecar
    path.write_bytes(b"settings")
    photo = str(tmp_path / "IMG.jpg")
    assert Sidecars().take(photo) == [str(path)]
    assert renamed(str(path), photo, "cats/IMG (2).jpg") == target


@pytest.mark.parametrize(
    "name", ["IMG.png", "IMG.mov", "IMG2.xmp", "IM.xmp", "IMG.xmp.bak", "IMG.v2.xmp"]
)
def test_other_file_is_no_sidecar(tmp_path, name):
    (tmp_path / name).write_bytes(b"other")
    assert Sidecars().take(str(tmp_path / "IMG.jpg")) == []


def test_sidecar_of_two_photos_goes_with_the_first(tmp_path):
    (tmp_path / "IMG.xmp").write_bytes(b"settings")
    sidecars = Sidecars()
    assert sidecars.take(str(tmp_path / "IMG.heic")) == [str(tmp_path / "IMG.xmp")]
    assert sidecars.take(str(tmp_path / "IMG.jpg")) == []


@pytest.fixture
def with_sidecar(make_library):
    return make_library(sidecar="rex.xmp")


@pytest.mark.parametrize("how", ["copy", "link", "move"])
def test_sidecar_goes_with_its_photo_and_comes_back(with_sidecar, how):
    before = with_sidecar.tree()
    found = with_sidecar.sort(how)
    assert (found.count("placed"), found.count_sidecars("placed")) == (5, 1)
    assert (with_sidecar.into / "dogs" / "rex.xmp").read_bytes() == b"settings"
    assert with_sidecar.undo().left == {}
    assert with_sidecar.tree() == before


def test_sidecar_stays_with_a_photo_that_stays(with_sidecar):
    planned = with_sidecar.plan("move")
    (with_sidecar.home / "b" / "rex.jpg").write_bytes(b"changed meanwhile")
    found = carry_out(planned, SILENT)
    (sidecar,) = [place for place in found.placements if place.beside]
    assert (sidecar.status, sidecar.reason) == ("failed", "its photo was not sorted")
    assert (with_sidecar.home / "b" / "rex.xmp").is_file()


def test_sidecar_stays_with_a_photo_that_is_there_already(with_sidecar):
    with_sidecar.sort("copy")
    assert with_sidecar.sort("move").count_sidecars("placed") == 0
    assert len(read_tree(with_sidecar.home)) == 6


def test_empty_sidecar_is_left(make_library):
    library = make_library(sidecar="rex.xmp")
    (library.home / "b" / "rex.xmp").write_bytes(b"")
    assert library.sort("move").count_sidecars("placed") == 0


LONG = "holiday_in_the_mountains_with_everybody_of_us_"  # 46 characters


@pytest.mark.parametrize(
    ("json", "photo"),
    [
        ("P_7.jpg.supplemental-metadata(1).json", "P_7(1).jpg"),
        ("P_7.jpg(1).json", "P_7(1).jpg"),
        ("P_7.jpg.supplemental-metadata.json", "P_7.jpg"),
        ("P_7.jpg.json", "P_7.jpg"),
        ("P_7.jpg.suppl.json", "P_7.jpg"),
        ("P_7.jpg..json", "P_7.jpg"),
        ("P_7(2).jpg.supplemental-metadata.json", "P_7(2).jpg"),
        (f"{LONG}.json", f"{LONG}2024.jpg"),
        (f"{LONG}(3).json", f"{LONG}2024(3).jpg"),
    ],
)
def test_names_of_takeout_are_understood(tmp_path, json, photo):
    photos = ["P_7.jpg", "P_7(1).jpg", "P_7(2).jpg", f"{LONG}2024.jpg", f"{LONG}2024(3).jpg"]
    for name in (json, *photos):
        (tmp_path / name).write_bytes(b"x")
    sidecars = Sidecars()
    found = {name: sidecars.take(str(tmp_path / name)) for name in photos}
    assert found == {name: [str(tmp_path / json)] * (name == photo) for name in photos}


def test_a_cut_name_that_could_be_of_two_photos_stays(tmp_path):
    for name in (f"{LONG}.json", f"{LONG}1.jpg", f"{LONG}2.jpg"):
        (tmp_path / name).write_bytes(b"x")
    assert Sidecars().take(str(tmp_path / f"{LONG}1.jpg")) == []


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("cats/P_7(1).jpg", "cats/P_7.jpg.supplemental-metadata(1).json"),
        ("cats/P_7(1) (2).jpg", "cats/P_7(1) (2).jpg.supplemental-metadata.json"),
    ],
)
def test_metadata_of_takeout_stays_with_a_renamed_photo(target, expected):
    assert renamed("in/P_7.jpg.supplemental-metadata(1).json", "in/P_7(1).jpg", target) == expected


def test_films_and_raw_files_are_counted_or_taken_along(tmp_path):
    for name in ("IMG.JPG", "IMG.MOV", "IMG.CR2", "other.mov"):
        (tmp_path / name).write_bytes(b"x")
    photo = str(tmp_path / "IMG.JPG")
    left = Sidecars()
    assert left.take(photo) == []
    assert left.left == {"films of Live Photos": 1, "raw files": 1}
    taken = Sidecars(with_companions=True)
    assert taken.take(photo) == [str(tmp_path / name) for name in ("IMG.CR2", "IMG.MOV")]
    assert taken.left == {}
    assert renamed(str(tmp_path / "IMG.MOV"), photo, "cats/IMG (2).JPG") == "cats/IMG (2).MOV"


@pytest.mark.parametrize(
    ("photo", "film", "target"),
    [
        ("PXL_1.MP.jpg", "PXL_1.MP", "cats/PXL_1.MP (2).MP"),
        ("PXL_1.HEIC", "PXL_1_HEVC.MOV", "cats/PXL_1.MP (2)_HEVC.MOV"),
        ("PXL_1.HEIC", "PXL_1.HEIC.MOV", "cats/PXL_1.MP (2).jpg.MOV"),
    ],
)
def test_films_are_found_as_phones_and_clouds_name_them(tmp_path, photo, film, target):
    for name in (photo, film):
        (tmp_path / name).write_bytes(b"x")
    path = str(tmp_path / photo)
    left = Sidecars()
    assert left.take(path) == []
    assert left.left == {"films of Live Photos": 1}
    assert Sidecars(with_companions=True).take(path) == [str(tmp_path / film)]
    assert renamed(str(tmp_path / film), path, "cats/PXL_1.MP (2).jpg") == target


def test_film_of_a_photo_that_keeps_its_name_keeps_its_own():
    assert renamed("PXL_1.MP", "PXL_1.MP.jpg", "cats/PXL_1.MP.jpg") == "cats/PXL_1.MP"


@pytest.mark.parametrize(("length", "is_found"), [(44, False), (45, True), (46, True)])
def test_a_name_is_cut_only_where_it_is_as_long_as_takeout_cuts_it(tmp_path, length, is_found):
    json = tmp_path / f"{LONG[:length]}.json"
    for path in (json, tmp_path / f"{LONG}2024.jpg"):
        path.write_bytes(b"x")
    found = Sidecars().take(str(tmp_path / f"{LONG}2024.jpg"))
    assert found == [str(json)] * is_found


def test_sidecars_of_a_photo_in_the_current_folder_are_beside_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("IMG.xmp", "IMG.AAE"):
        (tmp_path / name).write_bytes(b"x")
    assert Sidecars().take("IMG.jpg") == ["IMG.AAE", "IMG.xmp"]


def test_a_photo_that_is_a_companion_of_another_is_none_of_its_own(tmp_path):
    for name in ("IMG.CR2", "IMG.CR2.xmp", "IMG.JPG", "IMG.JPG.xmp"):
        (tmp_path / name).write_bytes(b"x")
    alone = Sidecars(with_companions=True)
    assert alone.take(str(tmp_path / "IMG.CR2")) == [str(tmp_path / "IMG.CR2.xmp")]
    assert alone.left == {}
    both = Sidecars(with_companions=True)
    taken = ["IMG.CR2", "IMG.CR2.xmp", "IMG.JPG.xmp"]
    assert both.take(str(tmp_path / "IMG.JPG")) == [str(tmp_path / name) for name in taken]


@pytest.mark.parametrize(
    ("sidecar", "target", "expected"),
    [
        ("in/IMG", "cats/IMG (2).jpg", "cats/IMG (2)"),
        ("in/IMG.MP", "cats/IMG.MP.jpg", "cats/IMG.MP"),
        ("in/IMG.MP", "cats/IMG (2).jpg", "cats/IMG (2).MP"),
    ],
)
def test_a_file_that_is_called_like_the_stem_of_its_photo_stays_so(sidecar, target, expected):
    assert renamed(sidecar, f"{sidecar}.jpg", target) == expected
