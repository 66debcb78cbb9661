"""What a worker does with its photos, in this process."""

import os
import threading
import time
from dataclasses import replace

import pytest
from PIL import Image

from pawsight.data.decoding.analysis import ANALYSIS_SIZE, ROW, analyse
from pawsight.data.decoding.decode import examine, load_pixels
from pawsight.data.pixel_scale import NoScaleError
from pawsight.data.reading import batch as batch_room
from pawsight.data.reading.batch import Batch, DecodeTimeout, read_batch
from pawsight.data.reading.store import row_bytes
from pawsight.errors import PhotoError


@pytest.fixture
def photos(tmp_path) -> Batch:
    """Forty different photos, of which the fourth is broken and the last is not there."""
    paths = [f"{i:02}.png" for i in range(40)]
    for i, path in enumerate(paths[:-1]):
        Image.linear_gradient("L").resize((90 + i, 80)).rotate(i).convert("RGB").save(
            tmp_path / path
        )
    (tmp_path / paths[3]).write_bytes(b"GIF89a")
    (tmp_path / "store").write_bytes(bytes(40 * row_bytes((70, 66))))
    return Batch(str(tmp_path), tuple(paths), 0, (70, 66), "stretch", str(tmp_path / "store"))


def test_facts_and_pixels_are_those_of_each_photo_alone(photos, tmp_path):
    findings = read_batch(photos, DecodeTimeout())
    stored = (tmp_path / "store").read_bytes()
    for row, (path, finding) in enumerate(zip(photos.paths[:-1], findings, strict=False)):
        if row == 3:
            continue
        facts, pixels = examine((tmp_path / path).read_bytes(), (70, 66), "stretch")
        assert finding.facts == facts and finding.is_stored
        start = row * row_bytes((70, 66))
        assert stored[start : start + pixels.nbytes] == pixels.tobytes()
        small = load_pixels((tmp_path / path).read_bytes(), ANALYSIS_SIZE, "stretch")
        end = start + pixels.nbytes + ROW.itemsize
        kept = stored[start + pixels.nbytes : end]
        assert kept == analyse(small[None]).tobytes()
    assert findings[3].facts is None and findings[3].is_permanent
    assert findings[39].problem == "the file is no longer there" and not findings[39].is_permanent


@pytest.mark.parametrize("resize", ["crop", "pad"])
def test_photos_of_different_shapes_are_measured_at_one_size(photos, tmp_path, resize):
    other = Batch(photos.root, photos.paths[:3], 0, (70, 66), resize, None)
    for path, finding in zip(other.paths, read_batch(other, DecodeTimeout()), strict=True):
        data = (tmp_path / path).read_bytes()
        assert finding.facts == examine(data, (70, 66), resize)[0]
        assert not finding.is_stored


def test_the_watch_covers_decoding_and_not_reading(photos):
    class Noting(DecodeTimeout):
        def __init__(self):
            self.recorded = []

        def begin(self):
            self.recorded.append("begin")

        def end(self):
            self.recorded.append("end")

    timeout = Noting()
    read_batch(photos, timeout)
    # Sixteen at a time; the one that is not there is never decoded.
    assert timeout.recorded == [
        *["begin"] * 16,
        "end",
        *["begin"] * 16,
        "end",
        *["begin"] * 7,
        "end",
    ]


class Drive:
    """Reads photos, and counts how many are read at the same time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._active = 0
        self.most = 0

    def read(self, path: str, was_listed: bool) -> bytes:
        with self._lock:
            self._active += 1
            self.most = max(self.most, self._active)
        time.sleep(self._seconds)
        with self._lock:
            self._active -= 1
        raise PhotoError("no permission to read it")


def test_a_slow_drive_is_asked_for_many_photos_at_once(photos, monkeypatch):
    drive = Drive(seconds=0.005)
    monkeypatch.setattr(batch_room, "read_photo", drive.read)
    findings = read_batch(photos, DecodeTimeout())
    assert drive.most > 1
    assert [finding.problem for finding in findings] == ["no permission to read it"] * 40


def test_memory_that_runs_out_is_tried_again_next_time(photos, monkeypatch):
    def run_out(*given, **settings):
        raise MemoryError

    monkeypatch.setattr(batch_room, "survey", run_out)
    finding = read_batch(photos, DecodeTimeout())[0]
    assert (finding.problem, finding.is_permanent) == ("needs more memory than there is", False)
    monkeypatch.setattr(batch_room, "read_photo", run_out)
    for finding in read_batch(photos, DecodeTimeout()):
        assert (finding.problem, finding.is_permanent) == ("needs more memory than there is", False)


def test_rows_of_a_later_batch_are_written_where_they_belong(photos, tmp_path):
    size = row_bytes((70, 66))
    read_batch(photos, DecodeTimeout())
    expected = (tmp_path / "store").read_bytes()
    (tmp_path / "store").write_bytes(bytes(60 * size))
    later = replace(photos, first_row=20)
    assert all(one.is_stored for one in read_batch(later, DecodeTimeout()) if one.facts)
    found = (tmp_path / "store").read_bytes()
    assert found[: 20 * size] == bytes(20 * size)
    assert found[20 * size :] == expected
    assert found[23 * size : 24 * size] == bytes(size)  # the broken one has no row


def test_a_batch_is_divided_into_single_photos_with_their_rows(photos):
    singles = replace(photos, paths=("a", "b"), first_row=5).singles()
    assert [(one.paths, one.first_row) for one in singles] == [(("a",), 5), (("b",), 6)]
    assert singles[0].image_size == photos.image_size


@pytest.mark.parametrize("store", [None, "folder/that/is/not/there"])
def test_facts_are_kept_where_no_pixels_can_be(photos, tmp_path, store):
    place = store and str(tmp_path / store)
    found = read_batch(replace(photos, store_path=place, paths=photos.paths[:2]), DecodeTimeout())
    assert [(one.facts is not None, one.is_stored) for one in found] == [(True, False)] * 2


def test_a_cut_photo_is_a_problem_unless_it_is_kept(photos, tmp_path):
    Image.effect_noise((200, 200), 90).convert("RGB").save(tmp_path / "cut.jpg")
    data = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) * 97 // 100])
    cut = Batch(photos.root, ("cut.jpg",), 0, (70, 66), "stretch", None)
    (found,) = read_batch(cut, DecodeTimeout())
    assert found.facts is None and found.problem and found.is_permanent
    (found,) = read_batch(replace(cut, keep_truncated=True), DecodeTimeout())
    assert found.facts.flaw and found.problem == ""


def test_values_without_a_rule_are_a_problem_that_holds_them(photos, monkeypatch):
    def refuse(*settings):
        raise NoScaleError("uint16 0 4095")

    monkeypatch.setattr(batch_room, "survey", refuse)
    found = read_batch(photos, DecodeTimeout())[0]
    assert found.problem.startswith("uint16 values from 0 to 4095")
    assert (found.samples, found.is_permanent, found.is_stored) == ("uint16 0 4095", True, False)


def test_memory_behind_a_problem_is_no_property_of_the_photo(photos, monkeypatch):
    def fail(*settings):
        raise PhotoError("too much") from MemoryError()

    monkeypatch.setattr(batch_room, "survey", fail)
    assert not read_batch(photos, DecodeTimeout())[0].is_permanent


def test_rows_are_written_alike_without_a_way_to_write_at_a_place(photos, tmp_path, monkeypatch):
    read_batch(photos, DecodeTimeout())
    expected = (tmp_path / "store").read_bytes()
    (tmp_path / "store").write_bytes(bytes(len(expected)))
    monkeypatch.delattr(os, "pwritev", raising=False)  # as on Windows
    assert all(one.is_stored for one in read_batch(photos, DecodeTimeout()) if one.facts)
    assert (tmp_path / "store").read_bytes() == expected


@pytest.mark.skipif(not hasattr(os, "pwritev"), reason="there rows are written in another way")
def test_rows_of_which_a_part_was_written_do_not_count(photos, monkeypatch):
    pwritev, places = os.pwritev, []

    def write_less(file, rows, start):
        places.append(start // row_bytes((70, 66)))
        return pwritev(file, rows, start) - (places[-1] == 16)

    monkeypatch.setattr(os, "pwritev", write_less)
    found = [one.is_stored for one in read_batch(photos, DecodeTimeout())]
    assert [found[0], found[15], found[16], found[31], found[32]] == [
        True,
        True,
        False,
        False,
        True,
    ]
