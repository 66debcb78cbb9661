"""Which lines of a journal are believed, and what they come to."""

import json

import pytest

from pawsight.errors import DataError
from pawsight.sorting.journal import FOLDER, VERSION, Entry, Journal

ENTRY = {
    "number": 3,
    "act": "copy",
    "source": "../home/a.jpg",
    "target": "cats/a.jpg",
    "size": 5,
    "mtime_ns": 7,
    "sha256": "ab",
    "part": "",
}
HEAD = {"journal": VERSION, "how": "copy", "sources": ["/home"]}


@pytest.fixture
def opened(tmp_path):
    """Open a journal of some lines."""

    def read(*lines, end="\n"):
        folder = tmp_path / FOLDER
        folder.mkdir(exist_ok=True)
        text = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines)
        (folder / "0001.jsonl").write_text(text + end)
        return Journal.newest(str(tmp_path))

    return read


def test_entries_that_are_void_are_gone(opened):
    other = ENTRY | {"number": 4}
    journal = opened(HEAD, {"made": "."}, ENTRY, other, {"void": 3}, {"back": 4}, {"end": True})
    assert journal.entries == {4: Entry(**other)}
    assert (journal.made, journal.backs, journal.is_ended) == (["."], {4}, True)
    assert not opened(HEAD, ENTRY).is_ended


@pytest.mark.parametrize(
    "changes",
    [
        {"target": "a.jpg"},  # outside of any class
        {"target": "../a.jpg"},
        {"target": "cats/.."},
        {"target": "cats/x/a.jpg"},
        {"target": "/a.jpg"},
        {"part": "../x"},
        {"act": "burn"},
        {"size": "5"},
        {"source": 5},
        {"extra": 1},
    ],
)
def test_an_entry_that_no_sort_wrote_is_not_believed(opened, changes):
    assert opened(HEAD, ENTRY | changes).entries == {}


@pytest.mark.parametrize(
    "line", ["{", "[1]", '{"made": 5}', '{"void": "3"}', '{"back": null}', '{"other": 1}', ""]
)
def test_a_line_that_is_none_of_a_journal_is_passed_over(opened, line):
    journal = opened(HEAD, ENTRY, line)
    assert list(journal.entries) == [3]
    assert (journal.made, journal.backs) == ([], set())


def test_an_entry_with_a_part_is_believed(opened):
    assert opened(HEAD, ENTRY | {"part": "cats/.0001-3.part"}).entries[3].part


@pytest.mark.parametrize(
    "head", [HEAD | {"sources": "home"}, HEAD | {"sources": [3]}, HEAD | {"how": 5}]
)
def test_a_damaged_head_is_none(opened, head):
    assert opened(head, ENTRY).head == {}


def test_a_journal_of_a_newer_pawsight_is_refused(opened):
    with pytest.raises(DataError, match="was written by a newer pawsight"):
        opened({"journal": VERSION + 1})
    journal = opened(HEAD)
    assert journal.is_of({"how": "copy", "sources": ["/home"]})
    assert not journal.is_of({"how": "move", "sources": ["/home"]})


def test_a_line_after_a_torn_one_begins_on_its_own(opened, tmp_path):
    journal = opened(HEAD, '{"number": 3, "ac', end="")
    journal.write({"made": "x"})
    assert Journal.newest(str(tmp_path)).made == ["x"]


def test_the_last_journal_counts_and_numbers_go_on(tmp_path):
    assert Journal.newest(str(tmp_path)) is None
    folder = tmp_path / FOLDER
    folder.mkdir()
    for name in ("0002.undone", "0001.jsonl", "notes.jsonl", "x0009.jsonl"):
        (folder / name).write_text("")
    assert Journal.newest(str(tmp_path)).path.name == "0001.jsonl"
    created = Journal.create(str(tmp_path), {"how": "copy", "sources": []}, ["."])
    assert created.path.name == "0003.jsonl"
    assert created.made == ["."]
    assert Journal.newest(str(tmp_path)).path == created.path


def test_names_of_parts_are_of_one_journal(opened):
    journal = opened(HEAD)
    name = journal.part_name(12)
    assert name.startswith(".0001-12")
    assert journal.owns_part(name)
    assert not journal.owns_part(name.replace("0001", "0002"))
    assert not journal.owns_part(f"{name}.jpg")


@pytest.mark.parametrize("is_kept", [False, True])
def test_an_undone_journal_is_removed_or_kept_under_another_name(opened, tmp_path, is_kept):
    journal = opened(HEAD, {"made": "new"})
    (tmp_path / "new").mkdir()
    journal.remove(is_kept)
    assert (tmp_path / FOLDER / "0001.undone").exists() is is_kept
    assert (tmp_path / FOLDER).exists() is is_kept
    assert not (tmp_path / "new").exists()
    assert Journal.newest(str(tmp_path)) is None


def test_each_line_of_a_journal_is_json_whatever_was_written_before(opened, tmp_path):
    (tmp_path / FOLDER).mkdir(exist_ok=True)
    journal = Journal.create(str(tmp_path), {"how": "copy", "sources": []}, ["a", "b"])
    journal.write({"made": "c"}, {"void": 3})
    journal.write({"end": True})
    lines = journal.path.read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"journal": VERSION, "how": "copy", "sources": []},
        *({"made": name} for name in "abc"),
        *({"void": 3}, {"end": True}),
    ]
    assert (journal.made, journal.is_ended) == (["a", "b", "c"], True)
