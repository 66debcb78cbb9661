"""The predictions so far, kept beside the final file until all are there."""

import json
import os
from pathlib import Path

import pytest

from pawsight.errors import ConfigError, DiskError
from pawsight.inference import partial_results
from pawsight.inference.partial_results import PartialResults, differences, lines_from, parse_head
from pawsight.inference.shards import Shard, ShardEnd
from pawsight.records import Prediction

NAMES = ("cats", "dogs")


def prediction(path, cats=0.75, **fields):
    label = "cats" if cats >= 0.5 else "dogs"
    probs = {"cats": cats, "dogs": 1 - cats}
    fields = {"answer": label, "labels": (label,)} | fields
    return Prediction(path, label, max(cats, 1 - cats), probs, **fields)


def opened(output, **settings):
    return PartialResults(output, NAMES, {"model": "m", "tta": False} | settings)


@pytest.fixture
def photos(tmp_path):
    """Three photos, older than any prediction."""
    paths = [str(tmp_path / f"{name}.jpg") for name in "abc"]
    for path in paths:
        with open(path, "wb"):
            pass
        os.utime(path, (1000, 1000))
    return paths


def test_predictions_are_kept_with_their_scores_and_errors(tmp_path, photos):
    output = tmp_path / "new" / "a.csv"
    rows = [prediction(photos[0], ood_score=1.5), Prediction(photos[1], error="empty file")]
    with opened(output) as kept:
        assert kept.path == tmp_path / "new" / "a.csv.part"
        for row in rows:
            kept.add(row)
        assert kept.num_rows == 2
        assert list(kept.rows()) == rows
    with opened(output) as kept:
        assert list(kept.skip(photos)) == photos[2:]
        assert kept.num_rows == 2
        kept.add(prediction(photos[2], 0.25))
        assert [row.label for row in kept.rows()] == ["cats", "", "dogs"]
        kept.remove()
    assert not kept.path.exists()


def test_predictions_are_kept_as_far_as_the_photos_are_the_same(tmp_path, photos):
    output = tmp_path / "a.csv"
    with opened(output) as kept:
        for path in photos:
            kept.add(prediction(path))
    with opened(output) as kept:
        assert list(kept.skip([photos[0], photos[2], photos[1]])) == [photos[2], photos[1]]
        assert [row.path for row in kept.rows()] == photos[:1]
        kept.add(prediction(photos[2]))
    with opened(output) as kept:
        assert list(kept.skip(photos[:1])) == []  # fewer photos than before
        assert kept.num_rows == 1
        assert [row.path for row in kept.rows()] == photos[:1]
    os.utime(photos[0])  # changed since
    with opened(output) as kept:
        assert list(kept.skip(photos)) == photos
        assert list(kept.rows()) == []


def test_a_photo_that_is_gone_keeps_its_prediction(tmp_path, photos):
    with opened(tmp_path / "a.csv") as kept:
        kept.add(prediction(photos[0]))
    Path(photos[0]).unlink()
    with opened(tmp_path / "a.csv") as kept:
        assert list(kept.skip(photos)) == photos[1:]


def test_a_line_that_was_cut_is_predicted_again(tmp_path, photos):
    with opened(tmp_path / "a.csv") as kept:
        kept.add(prediction(photos[0]))
        kept.add(prediction(photos[1]))
        path = kept.path
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with opened(tmp_path / "a.csv") as kept:
        assert list(kept.skip(photos)) == photos[1:]
    first = whole.index(b"\n")
    path.write_bytes(whole[:first])  # killed while the first line was written
    with opened(tmp_path / "a.csv") as kept:
        assert list(kept.skip(photos)) == photos
    assert parse_head(path.read_bytes())[0] == {"model": "m", "tta": False, "shard": None}


@pytest.mark.parametrize("content", [b"my own notes\n", b'{"kind": "other"}\n', b"[]\n"])
def test_another_file_of_that_name_is_not_overwritten(tmp_path, content):
    (tmp_path / "a.csv.part").write_bytes(content)
    with pytest.raises(DiskError, match="exists and is not a partial result"):
        opened(tmp_path / "a.csv")
    assert (tmp_path / "a.csv.part").read_bytes() == content


def test_other_settings_are_named(tmp_path):
    opened(tmp_path / "a.csv").__exit__(None, None, None)
    with pytest.raises(ConfigError, match=r"was begun with another --tta and other\.\n"):
        opened(tmp_path / "a.csv", tta=True, other=1)
    assert differences({"model": 1}, {"model": 1}) == ""
    assert differences({}, {"model": 1}) == "another model (or version of pawsight)"
    assert parse_head(b"{}") is None and parse_head(b'{"kind": 1') is None


def test_one_process_at_a_time_writes(tmp_path):
    with (
        opened(tmp_path / "a.csv"),
        pytest.raises(DiskError, match=r"Another process is writing .*a\.csv\.part"),
    ):
        opened(tmp_path / "a.csv")
    (tmp_path / "file").touch()
    with pytest.raises(DiskError, match=r"cannot be written"):
        opened(tmp_path / "file" / "a.csv")


def test_a_shard_keeps_its_file_and_ends_it(tmp_path, photos):
    end = ShardEnd(3, "ab", list(NAMES), "single-label", [])
    with PartialResults(tmp_path / "a.csv", NAMES, {}, shard=Shard(2, 3)) as kept:
        kept.add(prediction(photos[0]))
        kept.end(end)
        assert [row.path for row in kept.rows()] == photos[:1]
    lines = (tmp_path / "a.csv.shard-2-of-3").read_bytes().splitlines(keepends=True)
    assert json.loads(lines[0])["settings"] == {"shard": "2/3"}
    assert ShardEnd.from_json(lines[-1]) == end


def test_a_file_is_read_in_chunks_without_being_kept_open(tmp_path, monkeypatch):
    lines = [b"%d\n" % number for number in range(100)]
    (tmp_path / "lines").write_bytes(b"".join(lines))
    monkeypatch.setattr(partial_results, "_CHUNK_BYTES", 7)
    assert list(lines_from(tmp_path / "lines", 0)) == lines
    assert list(lines_from(tmp_path / "lines", 4)) == lines[2:]
    assert list(lines_from(tmp_path / "lines", 10**6)) == []
