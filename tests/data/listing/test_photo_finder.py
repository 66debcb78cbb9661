"""Files are found by paths that were written elsewhere, and never by chance."""

import pytest

from pawsight.data.listing.photo_finder import NOT_FOUND, Match, PhotoFinder


@pytest.fixture
def find(tmp_path):
    """Find paths written in a table, by name: their parts; among the files of a folder."""

    def found(files, written, table_folder=""):
        for name in files:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(b"x")
        parts = written if isinstance(written, dict) else dict.fromkeys(written, "")
        return PhotoFinder(str(tmp_path), str(tmp_path / table_folder), str(tmp_path)).find(parts)

    return found


@pytest.mark.parametrize(
    ("files", "written", "path"),
    [
        (["a.jpg"], "A.JPEG", "a.jpg"),  # capitals and the ending do not matter
        (["a.jpg"], "a", "a.jpg"),
        (["x/a.jpg"], "a.jpg", "x/a.jpg"),
        (["x/a.jpg"], r"C:\photos\x\a.jpg", "x/a.jpg"),
        (["x/a.jpg"], "https://host/x/a.jpg?w=5", "x/a.jpg"),
        (["x/a b.jpg"], "https://host/x/a%20b.jpg", "x/a b.jpg"),
        (["x/a.jpg"], "/data/local-files/?d=pets/x/a.jpg", "x/a.jpg"),
        (["a.jpg"], "0123abcd-a.jpg", "a.jpg"),  # an upload of Label Studio
        (["a.v2.jpg"], "a.v2", "a.v2.jpg"),  # .v2 is no ending of photos
        # A number without the zeros before it; 000 is 0.
        (["007.jpg"], "7", "007.jpg"),
        (["000.jpg"], "0", "000.jpg"),
        (["7.jpg", "007.jpg"], "7", "7.jpg"),
        (["x7.jpg"], "7", ""),
        # The longest tail in common wins.
        (["x/y/a.jpg", "z/y/a.jpg"], "/elsewhere/z/y/a.jpg", "z/y/a.jpg"),
        (["x/a.jpg", "y/a.jpg"], "/elsewhere/y/a.jpg", "y/a.jpg"),
        # Where a folder has the written name, a file in another one is none.
        (["x/a.jpg", "y/b.jpg"], "y/a.jpg", ""),
        (["x/a.jpg"], "y/a.jpg", "x/a.jpg"),
        # Of files that differ in their ending alone, the one that is written.
        (["a.jpg", "a.png"], "x/A.png", "a.png"),
        (["x/a.jpg"], "b.jpg", ""),
    ],
)
def test_a_file_is_found_by_the_tail_of_its_path(find, files, written, path):
    match = find(files, [written])[written]
    assert (match.path if not match.problem else "") == path
    assert not match.is_exact
    assert match.problem == ("" if path else NOT_FOUND)


def test_a_path_that_is_exactly_there_is_taken(find):
    files = ["x/a.jpg", "y/a.jpg"]
    assert find(files, ["x/a.jpg", r"y\a.jpg"]) == {
        "x/a.jpg": Match("x/a.jpg", is_exact=True),
        r"y\a.jpg": Match("y/a.jpg", is_exact=True),
    }
    assert find(files, ["a.jpg"], "y") == {"a.jpg": Match("y/a.jpg", is_exact=True)}


def test_no_two_paths_share_a_file(find):
    found = find(["x/a.jpg"], ["z/a.jpg", "A.jpg"])
    assert found["z/a.jpg"].path == "x/a.jpg"
    assert found["A.jpg"].problem == NOT_FOUND


def test_of_several_files_the_one_in_a_folder_of_the_part_is_taken(find):
    files = ["train/a.jpg", "test/a.jpg", "more_test/b.jpg", "test/b.jpg"]
    assert find(files, {"a.jpg": "test"})["a.jpg"] == Match("test/a.jpg")
    problem = f"{NOT_FOUND}; it could be test/a.jpg, train/a.jpg"
    assert find(files, {"a.jpg": ""})["a.jpg"] == Match("a.jpg", problem)
    assert find(files, {"a.jpg": "validation"})["a.jpg"].problem == problem
    assert find(files, {"b.jpg": "test"})["b.jpg"].problem.startswith(f"{NOT_FOUND}; it could be")
