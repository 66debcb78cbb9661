import os

import pytest

from pawsight.data.sources.remote_names import safe_path, unique_paths


@pytest.mark.parametrize(
    ("names", "path"),
    [
        (["pets", "tom.jpg"], "pets/tom.jpg"),
        (["a/b", "c\\d"], "a_b/c_d"),
        (["a\n\x7f.jpg"], "a__.jpg"),
        (["..", "."], "__/_"),
        ([""], "_"),
        (["\ud800x"], "?x"),
        (["x" * 240], "x" * 240),
    ],
)
def test_each_name_stays_a_name_below_its_folder(names, path):
    assert safe_path(names) == path


@pytest.mark.parametrize("letter", ["x", "ä", "猫"])
@pytest.mark.parametrize("ending", [".jpeg", "", "." + "e" * 17])
def test_long_names_are_cut_and_stay_different(letter, ending):
    one, other = (safe_path([letter * 300 + mark + ending]) for mark in "12")
    assert one != other
    for name in (one, other):
        assert 236 <= len(os.fsencode(name)) <= 240
        assert name.startswith(letter * 60)
    assert one.endswith(".jpeg") is (ending == ".jpeg")


@pytest.mark.parametrize(
    ("paths", "unique"),
    [
        (["a.jpg", "a.jpg", "a.jpg"], ["a.jpg", "a (2).jpg", "a (3).jpg"]),
        (["A.jpg", "a.JPG"], ["A.jpg", "a (2).JPG"]),  # one file on many disks
        (["a.jpg", "a (2).jpg", "a.jpg"], ["a.jpg", "a (2).jpg", "a (3).jpg"]),
        (["x.y/a", "x.y/a"], ["x.y/a", "x.y/a (2)"]),  # the point is in the folder's name
        (["pets", "pets/tom/a.jpg"], ["pets (2)", "pets/tom/a.jpg"]),  # a file and a folder
        (["pets/tom", "pets/tom/a.jpg"], ["pets/tom (2)", "pets/tom/a.jpg"]),
        (["\u00e9.jpg", "e\u0301.jpg"], ["\u00e9.jpg", "e\u0301 (2).jpg"]),
    ],
)
def test_paths_that_came_before_are_numbered(paths, unique):
    assert unique_paths(paths) == unique
