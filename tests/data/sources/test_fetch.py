"""Which adapter a source gets, and what a user reads when there is none."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from pawsight.data import sources
from pawsight.data.sources import fetch
from pawsight.data.sources.sample import draw_sample
from pawsight.data.sources.source import Source
from pawsight.errors import DiskError, SourceError
from pawsight.progress import Silent
from pawsight.storage.cache import cache_dir


class Notes(Silent):
    def __init__(self):
        self.texts = []

    def note(self, text):
        self.texts.append(text)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def test_a_folder_is_used_where_it_is(tmp_path):
    photo = tmp_path / "pets" / "cats" / "a.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"x")
    source = fetch(tmp_path / "pets", Silent())
    assert (source.name, source.root, source.table) == ("pets", tmp_path / "pets", None)


def test_the_folder_one_stands_in_has_its_own_name(tmp_path):
    (tmp_path / "here" / "a.jpg").write_bytes(b"x")
    assert fetch(".", Silent()).name == "here"


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_source_reports_what_can_be_given(text):
    with pytest.raises(SourceError, match="the source is empty"):
        fetch(text, Silent())


def test_a_misspelt_folder_gets_a_suggestion(tmp_path):
    (tmp_path / "here" / "Photos").mkdir()
    with pytest.raises(SourceError, match=r"no file or folder phtos\.\nDid you mean Photos\?"):
        fetch("phtos", Silent())


def test_the_missing_folder_above_is_named(tmp_path):
    (tmp_path / "here" / "data").mkdir()
    with pytest.raises(SourceError, match=r"There is no dta either\.\nDid you mean data\?"):
        fetch("dta/pets/cats", Silent())


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(SourceError, match=f"folder {tmp_path / 'here'} is empty"):
        fetch(tmp_path / "here", Silent())


def test_a_file_that_is_no_source_is_named(tmp_path):
    (tmp_path / "cat.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(SourceError, match=r"cat\.jpg is a file, but neither an archive"):
        fetch(tmp_path / "cat.jpg", Silent())


@pytest.mark.parametrize("address", ["ftp://x.org/pets", "dropbox:pets"])
def test_an_address_is_not_taken_for_a_file(address):
    with pytest.raises(SourceError, match=f"cannot fetch photos from {address.split(':')[0]}:"):
        fetch(address, Silent())


def test_a_link_that_leads_nowhere_is_called_so(tmp_path):
    (tmp_path / "here" / "pets").symlink_to("gone")
    with pytest.raises(SourceError, match="pets is a link that leads nowhere"):
        fetch("pets", Silent())


def test_a_folder_named_sample_comes_before_the_built_in_one(tmp_path):
    draw_sample(tmp_path / "here" / "sample", 2, progress=Silent())
    notes = Notes()
    assert fetch("sample", notes).root == tmp_path / "here" / "sample"
    assert "sample: with a colon" in notes.texts[0]


def test_the_cache_folder_is_the_one_that_is_asked_for(tmp_path):
    assert cache_dir() == tmp_path / "cache"
    assert cache_dir().is_dir()


def test_a_cache_folder_that_cannot_be_made_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(DiskError, match=r"file/cache cannot be used.*\n.*PAWSIGHT_CACHE"):
        cache_dir()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
PACKED = b"PK\x03\x04"  # as a zip begins


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("labels.xlsx", PACKED, r"is a spreadsheet, .*\nSave its sheet as 'CSV UTF-8'"),
        ("labels.ods", PACKED, "is a spreadsheet"),
        ("holiday.docx", PACKED, r"is a document, .*\nSave its photos as files"),
        ("labels.json", b"[]", r"a table of another format, .*\nWrite a \.csv"),
        ("train.parquet", b"PAR1", "a table of another format"),
        ("x_train.npy", b"\x93NUMPY", r"a file of arrays, .*\nSave each photo as PNG"),
        ("labels.txt", b"a.jpg cat", r"a text file, .*\nIf it is a table, name it \.csv"),
        (
            "pets.zip.001",
            PACKED,
            r"one piece of a divided archive, .*\nPut all pieces into one folder",
        ),
        ("pets.z01", b"x", "one piece of a divided archive"),
        ("pets.zip", LFS, r"no archive, but a Git LFS pointer\.\n.*git lfs pull"),
        ("labels.csv", LFS, "no table, but a Git LFS pointer"),
        ("pets.zip", b"<!DOCTYPE html><html>Sign in", r"a web page, .*\nDownload the file"),
    ],
)
def test_a_file_that_is_no_source_is_named_for_what_it_is(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message):
        fetch(tmp_path / name, Silent())


@pytest.mark.parametrize(
    "address",
    ["http://[::1/pets", "https://[zz]/pets", "http://a..b/pets", "sftp://host:99999/pets"],
)
def test_an_address_that_cannot_be_one_is_a_plain_error(address):
    with pytest.raises(SourceError, match=r"is not a valid address: .*\nCheck its host and port"):
        fetch(address, Silent())


def test_a_file_that_is_no_archive_and_no_table_may_be_a_source_of_its_own(tmp_path, monkeypatch):
    path = tmp_path / "here" / "labels.jsonl"
    path.write_text("{}")
    with pytest.raises(SourceError, match="a table of another format"):
        fetch("labels.jsonl", Silent())
    lines = SimpleNamespace(
        matches=lambda text: text.endswith(".jsonl"),
        fetch=lambda text, *_: Source("labels", Path(text).parent),
    )
    monkeypatch.setattr(sources, "ADDRESSES", (*sources.ADDRESSES, lines))
    assert fetch("labels.jsonl", Silent()) == Source("labels", path.parent)
