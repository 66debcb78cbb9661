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
        ("IMG.jpg.supplemental-metadata.json", "cats/IMG (2).jpg.supplemental-metadata.json"),
    ],
)
def test_sidecar_is_found_and_named_like_its_photo(tmp_path, sidecar, target):
    path = tmp_path / sidecar
    path.write_bytes(b"settings")
    photo = str(tmp_path / "IMG.jpg")
    assert Sidecars().take(photo) == [str(path)]
    assert renamed(str(path), photo, "cats/IMG (2).jpg") == target


@pytest.mark.parametrize("name", ["IMG.png", "IMG.mov", "IMG2.xmp", "IM.xmp", "IMG.xmp.bak"])
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
    assert (sidecar.status, sidecar.reason) == ("failed", "its photo stays where it is")
    assert (with_sidecar.home / "b" / "rex.xmp").is_file()


def test_sidecar_stays_with_a_photo_that_is_there_already(with_sidecar):
    with_sidecar.sort("copy")
    assert with_sidecar.sort("move").count_sidecars("placed") == 0
    assert len(read_tree(with_sidecar.home)) == 6


def test_empty_sidecar_is_left(make_library):
    library = make_library(sidecar="rex.xmp")
    (library.home / "b" / "rex.xmp").write_bytes(b"")
    assert library.sort("move").count_sidecars("placed") == 0
