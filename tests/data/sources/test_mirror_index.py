"""What counts as copied already: the same version, still as it was put there."""

import json
import os

import pytest

from pawsight.data.sources.mirror_index import NAME, CopiedIndex


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "a.jpg").write_bytes(b"abc")
    facts = (tmp_path / "cats" / "a.jpg").stat()
    row = ["cats/a.jpg", "v1", facts.st_size, facts.st_mtime_ns]
    (tmp_path / NAME).write_text(json.dumps(row) + "\n")
    return tmp_path


def test_a_file_of_that_version_is_there(folder):
    assert CopiedIndex(folder).has("cats/a.jpg", "v1")


@pytest.mark.parametrize(("path", "version"), [("cats/a.jpg", "v2"), ("cats/b.jpg", "v1")])
def test_another_version_or_file_is_not(folder, path, version):
    assert not CopiedIndex(folder).has(path, version)


def test_a_file_that_changed_or_is_gone_does_not_count(folder):
    path = folder / "cats" / "a.jpg"
    time = path.stat().st_mtime_ns
    path.write_bytes(b"abcd")
    os.utime(path, ns=(time, time))
    assert not CopiedIndex(folder).has("cats/a.jpg", "v1")
    path.write_bytes(b"abc")
    os.utime(path, ns=(time, time + 1_000_000))
    assert not CopiedIndex(folder).has("cats/a.jpg", "v1")
    os.utime(path, ns=(time, time))
    assert CopiedIndex(folder).has("cats/a.jpg", "v1")
    path.unlink()
    assert not CopiedIndex(folder).has("cats/a.jpg", "v1")


def test_a_line_that_is_cut_counts_as_none(folder):
    with (folder / NAME).open("a") as file:
        file.write('["dogs/b.jpg", "v1", 3')
    assert CopiedIndex(folder).has("cats/a.jpg", "v1")
    assert not CopiedIndex(folder).has("dogs/b.jpg", "v1")


def test_of_two_lines_the_later_counts(folder):
    facts = (folder / "cats" / "a.jpg").stat()
    with (folder / NAME).open("a") as file:
        file.write(json.dumps(["cats/a.jpg", "v2", facts.st_size, facts.st_mtime_ns]) + "\n")
    assert CopiedIndex(folder).has("cats/a.jpg", "v2")
    assert not CopiedIndex(folder).has("cats/a.jpg", "v1")


def test_what_is_not_kept_is_removed_with_its_empty_folder(folder):
    CopiedIndex(folder).keep(["cats/a.jpg"])
    assert CopiedIndex(folder).has("cats/a.jpg", "v1")
    CopiedIndex(folder).keep([])
    assert [path.name for path in folder.iterdir()] == [NAME]
    assert (folder / NAME).read_text() == ""
