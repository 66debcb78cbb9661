"""The parts of a packed set: its index, the tables of labels, and which photo is in which shard."""

import hashlib
from pathlib import Path

import pytest

from pawsight.data.catalog import Catalog
from pawsight.data.sources import tar_shards
from pawsight.data.sources.source import Line
from pawsight.data.sources.tar_shards.contents import Member, assigned, checksum_of, members_of
from pawsight.data.sources.tar_shards.index import ShardFile, ShardIndex, parse_index
from pawsight.data.sources.tar_shards.labels import labels_name, labels_table, read_labels
from pawsight.errors import DataError
from pawsight.progress import Silent
from pawsight.records import Photo

SHARD = ShardFile(file="photos-00000.tar", num_photos=3, num_bytes=10, sha256="0" * 64)
INDEX = ShardIndex(name="pets", checksum="a" * 64, num_shards=2, shards=(SHARD,))


def test_an_index_is_complete_once_all_shards_are_written():
    other = SHARD.model_copy(update={"file": "photos-00001.tar", "num_photos": 4})
    whole = INDEX.model_copy(update={"shards": (SHARD, other)})
    assert (INDEX.is_complete, whole.is_complete) == (False, True)
    assert whole.num_photos == 7
    assert parse_index(whole.to_bytes(), "index.json") == whole


@pytest.mark.parametrize(
    "changes",
    [
        {"file": "photos-1.tar"},
        {"file": "../photos-00000.tar"},
        {"num_photos": 0},
        {"num_bytes": 0},
        {"sha256": "0" * 63},
    ],
)
def test_a_damaged_shard_of_an_index_is_refused(changes):
    shard = SHARD.model_copy(update=changes)
    content = INDEX.model_copy(update={"shards": (shard,)}).to_bytes()
    with pytest.raises(DataError, match=r"index\.json is no index of shards"):
        parse_index(content, "index.json")


def test_an_index_of_none_and_one_that_names_a_shard_twice_are_refused():
    for changes, reason in (
        ({"num_shards": 0}, "num_shards"),
        ({"version": 2}, "version"),
        ({"shards": (SHARD, SHARD)}, "a shard is named twice"),
    ):
        content = INDEX.model_copy(update=changes).to_bytes()
        with pytest.raises(DataError, match=reason):
            parse_index(content, "index.json")


def test_labels_survive_their_table():
    lines = [
        Line("a,b.jpg", "cats", "train", "g1", 5, "x=1"),
        Line("a,b.jpg", "big\ndogs", "", "", 6, ""),
    ]
    content = labels_table(lines)
    assert list(read_labels(content, "labels-00000.csv", 5)) == lines
    assert labels_name("photos-00012.tar") == "labels-00012.csv"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"path,label\na.jpg,cats\n", "it has other columns"),
        (b"", "it has other columns"),
        (b"path,label,part,group,columns\na.jpg,cats,exam,,\n", "there is no part 'exam'"),
        (b"path,label,part,group,columns\na.jpg,cats\n", "not enough values"),
    ],
)
def test_a_damaged_table_of_labels_is_refused(content, reason):
    with pytest.raises(DataError, match=rf"labels\.csv is damaged \(.*{reason}"):
        read_labels(content, "labels.csv", 1)


def member(name, num_bytes=4, mtime_ns=1, label="cats"):
    return Member(Path(name), num_bytes, mtime_ns, (Line(name, label, "", ""),))


def test_a_shard_is_full_from_its_size_on():
    members = [member(f"{i}.jpg") for i in range(7)]
    assert [len(shard) for shard in assigned(members, 8)] == [2, 2, 2, 1]
    assert [len(shard) for shard in assigned(members, 9)] == [3, 3, 1]
    assert [len(shard) for shard in assigned(members, 10**6)] == [7]
    assert assigned([], 8) == [[]]


def test_photos_are_in_the_order_of_a_hash_of_their_paths():
    members = [member(f"{i}.jpg") for i in range(20)]
    (shard,) = assigned(members, 10**6)
    names = [one.name for one in shard]
    assert names == sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
    assert names == [one.name for one in assigned(members[::-1], 10**6)[0]]


def test_the_checksum_of_what_is_packed_changes_with_any_of_it():
    members = [member("a.jpg"), member("b.jpg")]
    same = checksum_of(members, 8)
    assert same == checksum_of(members[::-1], 8)
    others = {
        checksum_of(members, 9),
        checksum_of(members[:1], 8),
        checksum_of([member("a.jpg", num_bytes=5), members[1]], 8),
        checksum_of([member("a.jpg", mtime_ns=2), members[1]], 8),
        checksum_of([member("a.jpg", label="dogs"), members[1]], 8),
    }
    assert len(others) == 5 and same not in others


def test_photos_without_problems_are_packed_under_paths_inside(tmp_path):
    for name in ("a.jpg", "out.jpg"):
        (tmp_path / name).write_bytes(b"12345")
    (tmp_path / "pets").mkdir()
    (tmp_path / "pets" / "b.jpg").write_bytes(b"1")
    photos = (
        Photo("b.jpg", "cats", part="test", group="g"),
        Photo("../out.jpg", "dogs"),
        Photo("broken.jpg", "dogs", problem="empty file"),
    )
    catalog = Catalog("pets", tmp_path / "pets", photos, 0, none_paths=("../a.jpg",))
    found = members_of(catalog)
    assert [(one.name, one.num_bytes) for one in found] == [
        ("b.jpg", 1),
        ("out.jpg", 5),
        ("a.jpg", 5),
    ]
    assert [one.lines[0].label for one in found] == ["cats", "dogs", "none"]
    assert (found[0].lines[0].part, found[0].lines[0].group) == ("test", "g")
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(DataError, match=r"a\.jpg cannot be read"):
        members_of(catalog)


def test_of_files_elsewhere_a_packed_set_is_its_index_and_its_shards():
    index = tar_shards.SHARD_INDEX
    assert tar_shards.wanted([index, "photos-00000.tar", "notes.txt", "sub/x.tar"]) == {
        index,
        "photos-00000.tar",
    }
    assert tar_shards.wanted(["photos-00000.tar"]) == set()
    assert not tar_shards.may_belong(["sub", index])


def test_a_shard_that_is_not_the_one_that_was_packed_is_refused(tmp_path):
    path = tmp_path / "photos-00000.tar"
    with pytest.raises(DataError, match=r"The shard .* cannot be read"):
        tar_shards._check(path, SHARD)
    path.write_bytes(b"0123456789")
    with pytest.raises(DataError, match=r"The shard .* is damaged"):
        tar_shards._check(path, SHARD)
    digest = hashlib.sha256(b"0123456789").hexdigest()
    tar_shards._check(path, SHARD.model_copy(update={"sha256": digest}))
    with pytest.raises(DataError, match=r"The shard .* is damaged"):
        tar_shards._check(path, SHARD.model_copy(update={"sha256": digest, "num_bytes": 9}))


def test_an_index_that_is_too_long_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(tar_shards, "_MAX_INDEX_BYTES", 4)
    (tmp_path / "index.json").write_bytes(b"1234")
    assert tar_shards._read_index(tmp_path / "index.json") == b"1234"
    (tmp_path / "index.json").write_bytes(b"12345")
    with pytest.raises(DataError, match="is too large"):
        tar_shards._read_index(tmp_path / "index.json")
    with pytest.raises(DataError, match="cannot be read"):
        tar_shards._read_index(tmp_path / "gone.json")


def test_a_packed_set_is_unpacked_once(tmp_path, monkeypatch):
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    line, unpacked = Line("a.jpg", "cats", "", "", 1), []

    def unpack(path, folder, progress, limits):
        unpacked.append(path.name)
        (folder / "labels-00000.csv").write_bytes(labels_table([line]))

    monkeypatch.setattr(tar_shards, "unpack", unpack)
    (tmp_path / SHARD.file).write_bytes(b"0123456789")
    shard = SHARD.model_copy(update={"sha256": hashlib.sha256(b"0123456789").hexdigest()})
    index = INDEX.model_copy(update={"shards": (shard,), "num_shards": 1})
    (tmp_path / tar_shards.SHARD_INDEX).write_bytes(index.to_bytes())
    progress = Silent()
    first = tar_shards.fetch(tmp_path, progress)
    assert (first.name, first.lines) == ("pets", (line,))
    assert tar_shards.fetch(tmp_path, progress, with_labels=False).lines is None
    assert unpacked == [SHARD.file]
    (tmp_path / tar_shards.SHARD_INDEX).write_bytes(INDEX.to_bytes())
    with pytest.raises(DataError, match="holds 1 of 2 shards"):
        tar_shards.fetch(tmp_path, progress)
