"""What a worker does with its photos, in this process."""

import threading
import time

import pytest
from PIL import Image

from pawsight.data.decoding.analysis import ANALYSIS_SIZE, ROW, analyse
from pawsight.data.decoding.decode import examine, load_pixels
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
    def run_out(*settings):
        raise MemoryError

    monkeypatch.setattr(batch_room, "survey", run_out)
    finding = read_batch(photos, DecodeTimeout())[0]
    assert (finding.problem, finding.is_permanent) == ("needs more memory than there is", False)
