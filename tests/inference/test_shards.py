"""Shards of a prediction: their names, their ends, and which photos each takes."""

import hashlib
from pathlib import Path

import pytest

from pawsight.errors import ConfigError
from pawsight.inference.shards import Listing, Shard, ShardEnd, found_shards
from pawsight.records import Prediction


@pytest.mark.parametrize(
    ("text", "shard"), [("3/8", (3, 8)), (" 1/1 ", (1, 1)), ("10000/10000", (10_000, 10_000))]
)
def test_a_shard_is_written_as_a_fraction(text, shard):
    found = Shard.parse(text)
    assert (found.number, found.count) == shard
    assert str(found) == text.strip()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3", "'3' is not a shard; write 3/8"),
        ("3/8/9", "is not a shard"),
        ("-1/8", "is not a shard"),
        ("0/8", "no shard 0 of 8: they count from 1 to 8"),
        ("9/8", "no shard 9 of 8"),
        ("1/0", "1 to 10,000 shards, not 0"),
        ("1/10001", "1 to 10,000 shards, not 10,001"),
    ],
)
def test_what_is_no_shard_is_named(text, message):
    with pytest.raises(ConfigError, match=message):
        Shard.parse(text)


def test_files_of_shards_sort_by_their_numbers(tmp_path):
    output = tmp_path / "a.csv"
    shards = [Shard(number, 12) for number in (12, 3, 1)]
    for shard in shards:
        shard.path(output).touch()
    assert Shard(3, 12).path(output).name == "a.csv.shard-03-of-12"
    assert Shard(3, 8).path(output).name == "a.csv.shard-3-of-8"
    for name in ("a.csv.shard-1-of-x", "b.csv.shard-1-of-12", "a.csv.shard-1-of-12.part"):
        (tmp_path / name).touch()
    assert found_shards(output) == sorted(shards)
    assert found_shards(tmp_path / "gone" / "a.csv") == []
    assert found_shards(output / "a.csv") == []


def test_each_shard_takes_its_turn_and_all_have_one_checksum():
    photos = ["a.jpg", Prediction("b.jpg", error="gone"), Path("c.jpg"), "d.jpg", "e.jpg"]
    taken, checksums = [], set()
    for number in (1, 2):
        listing = Listing()
        taken.append(list(listing.photos_of(Shard(number, 2), photos)))
        assert listing.num_listed == 5
        checksums.add(listing.checksum)
    assert taken == [photos[::2], photos[1::2]]
    names = b"".join(name + b"\0" for name in (b"a.jpg", b"b.jpg", b"c.jpg", b"d.jpg", b"e.jpg"))
    assert checksums == {hashlib.sha256(names).hexdigest()}


def test_the_end_of_a_shard_survives_its_line():
    end = ShardEnd(5, "ab", ["cats", "dogs"], "single-label", [])
    line = end.to_json().encode() + b"\n"
    assert ShardEnd.from_json(line) == end
    for other in (line[:-1], b'["a.jpg"]\n', b"{}\n", b"{\n", line[:9] + b"\n"):
        assert ShardEnd.from_json(other) is None
