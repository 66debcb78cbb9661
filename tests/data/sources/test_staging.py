"""A folder on a slow network drive is copied to this machine, many at a time."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from pawsight.data.sources import fetch as fetch_source
from pawsight.data.sources import mirror, staging
from pawsight.errors import DiskError, SourceError
from pawsight.progress import Silent
from pawsight.storage import download, mounts
from pawsight.storage.download import DownloadError, RetryableError


class RecordingProgress(Silent):
    def __init__(self):
        self.notes, self.copied = [], 0
        self._task = ""

    def start(self, task, total=None, unit=""):
        self._task = task

    def advance(self, done, **facts):
        self.copied += done if self._task.startswith("Copying") else 0

    def note(self, text):
        self.notes.append(text)


@pytest.fixture
def recorded():
    return RecordingProgress()


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """cats/ with two files, dogs/ with one, a text and a hidden folder; its disk is a network's."""
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "jittered", lambda _: 0.0)
    folder = tmp_path / "my share" / "photos"
    for name in ("cats/1.jpg", "cats/garden/2.png", "dogs/3.jpg", "notes.txt", ".trash/4.jpg"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 100)
    mount(monkeypatch, tmp_path / "my share", "fuse.sshfs")
    return folder


def mount(monkeypatch, point, kind):
    written = os.path.realpath(point).replace(" ", "\\040")
    table = (
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        f"90 22 0:50 / {written} rw,nosuid master:7 shared:2 - {kind} host:/photos rw\n"
    )
    monkeypatch.setattr(mounts, "read_table", lambda: table)


@pytest.fixture
def slow(monkeypatch):
    """Reading a file takes a tenth of a second, on a clock of its own."""

    class Clock:
        now = 50.0

        def __call__(self):
            return self.now

    clock = Clock()

    def read(path):
        clock.now += 0.1

    monkeypatch.setattr(staging, "read_whole", read)
    monkeypatch.setattr(staging, "time", SimpleNamespace(perf_counter=clock, sleep=lambda _: None))
    return clock


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.relative_to(folder).parts[0].startswith(".")
    }


def test_photos_on_a_slow_drive_are_copied_and_the_speed_is_reported(photos, slow, recorded):
    source = fetch_source(photos, recorded)
    assert source.name == "photos"
    assert not source.root.is_relative_to(photos.parent)
    assert contents(source.root) == {
        name: name.encode() * 100 for name in ("cats/1.jpg", "cats/garden/2.png", "dogs/3.jpg")
    }
    (note,) = recorded.notes
    # Three files in three tenths of a second.
    assert "network drive (sshfs) that reads 10 files a second" in note
    assert "copied to this machine, many at a time" in note


def test_the_second_time_only_what_changed_is_copied_and_nothing_measured(photos, slow, recorded):
    first = fetch_source(photos, Silent())
    (photos / "cats" / "1.jpg").write_bytes(b"another photo")
    (photos / "dogs" / "3.jpg").unlink()
    second = fetch_source(photos, recorded)
    assert second == first
    assert recorded.copied == len(b"another photo")
    assert not recorded.notes
    assert contents(second.root).keys() == {"cats/1.jpg", "cats/garden/2.png"}
    assert (second.root / "cats" / "1.jpg").read_bytes() == b"another photo"


@pytest.mark.parametrize(
    ("speed", "is_copied", "words"),
    [
        (99.9, True, "reads 100 files a second; one by one, all 3 would take 0 min."),
        (100.0, False, "reads 100 files a second, which is fast enough to use the photos there."),
        (0.01, True, "reads 0 files a second; one by one, all 3 would take 5 min."),
    ],
)
def test_a_drive_of_fewer_than_a_hundred_files_a_second_is_slow(
    photos, recorded, monkeypatch, speed, is_copied, words
):
    monkeypatch.setattr(staging, "files_per_second", lambda paths, progress: speed)
    assert (fetch_source(photos, recorded).root != photos) is is_copied
    assert words in recorded.notes[0]


def test_files_are_counted_while_they_are_listed_and_measured(photos, slow):
    counts = {}

    class Counting(Silent):
        def start(self, task, total=None, unit=""):
            self.task = task

        def advance(self, done, **facts):
            counts[self.task] = counts.get(self.task, 0) + done

    fetch_source(photos, Counting())
    assert counts["Listing the folder"] == counts["Measuring the speed of the drive"] == 3


@pytest.mark.parametrize(("failures", "is_read"), [(0, True), (2, True), (3, False)])
def test_a_folder_is_listed_again_twice_where_the_drive_stumbles(
    photos, slow, monkeypatch, failures, is_read
):
    scan, left = os.scandir, [failures]

    def stumble_first(path):
        if str(path).endswith("dogs") and left[0]:
            left[0] -= 1
            raise OSError(errno.ESTALE, "Stale file handle")
        return scan(path)

    monkeypatch.setattr(staging.os, "scandir", stumble_first)
    if is_read:
        assert "dogs/3.jpg" in contents(fetch_source(photos, Silent()).root)
    else:
        with pytest.raises(SourceError, match="dogs cannot be read: Stale file handle"):
            fetch_source(photos, Silent())
    assert left == [0]


def test_another_error_of_a_folder_is_final(photos, slow, monkeypatch):
    asked = []

    def refuse(path):
        asked.append(path)
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(staging.os, "scandir", refuse)
    with pytest.raises(SourceError, match="photos cannot be read: Permission denied"):
        fetch_source(photos, Silent())
    assert len(asked) == 1


def test_a_fast_network_drive_is_read_where_it_is(photos, slow, recorded, monkeypatch):
    monkeypatch.setattr(staging, "MIN_FILES_PER_SECOND", 5.0)
    assert fetch_source(photos, recorded).root == photos
    assert "fast enough" in recorded.notes[0]


def test_a_disk_of_this_machine_is_not_measured(photos, slow, recorded, monkeypatch):
    mount(monkeypatch, photos.parent, "ext4")
    assert fetch_source(photos, recorded).root == photos
    assert (recorded.notes, slow.now) == ([], 50.0)


def test_the_setting_turns_copying_off_or_always_on(photos, slow, recorded, monkeypatch):
    assert fetch_source(photos, recorded, "never").root == photos
    mount(monkeypatch, photos.parent, "ext4")
    assert fetch_source(photos, recorded, "always").root != photos
    assert (recorded.notes, slow.now) == ([], 50.0)


def test_measuring_ends_after_24_files_or_three_seconds(photos, slow, recorded, monkeypatch):
    paths = [photos / "cats" / "1.jpg"] * 100
    assert staging.files_per_second(paths, recorded) == pytest.approx(10.0)
    assert slow.now == pytest.approx(50 + 2.4)
    slow.now = 50.0
    monkeypatch.setattr(staging, "read_whole", lambda path: setattr(slow, "now", slow.now + 2))
    assert staging.files_per_second(paths, recorded) == pytest.approx(0.5)
    assert slow.now == 54.0


class Stumbling:
    """Opens files; the first reads of each fail as those of a mounted drive do."""

    def __init__(self, times, code=errno.EIO):
        self.left, self.code = times, code
        self.opened = Path.open

    def __call__(self, path, *arguments, **options):
        if "my share" in str(path) and self.left:
            self.left -= 1
            raise OSError(self.code, os.strerror(self.code))
        return self.opened(path, *arguments, **options)


def stumble(monkeypatch, times, code=errno.EIO):
    opening = Stumbling(times, code)
    monkeypatch.setattr(Path, "open", lambda *args, **options: opening(*args, **options))


def test_an_input_output_error_is_tried_again(photos, slow, recorded, monkeypatch):
    stumble(monkeypatch, 3)
    source = fetch_source(photos, recorded)
    assert len(contents(source.root)) == 3
    assert len(recorded.notes) == 1  # of the speed; no file was left out


def test_a_file_that_may_not_be_read_is_named_and_left_out(photos, slow, recorded, monkeypatch):
    stumble(monkeypatch, 1, errno.EACCES)
    source = fetch_source(photos, recorded)
    assert len(contents(source.root)) == 2
    assert "1 of 3 files of photos could not be copied" in recorded.notes[1]
    assert "the drive reports: Permission denied" in recorded.notes[1]


def test_a_read_that_breaks_off_continues_from_its_byte(photos, tmp_path):
    with staging.open_stream(photos / "cats" / "1.jpg", 995) as stream:
        assert stream.start == 995
        assert b"".join(stream.chunks) == b"1.jpg"
    with (
        pytest.raises(DownloadError, match="No such file"),
        staging.open_stream(tmp_path / "none.jpg", 0),
    ):
        pass


def test_a_read_error_in_the_middle_of_a_file_is_tried_again(photos, slow, recorded, monkeypatch):
    chunks = staging._chunks
    started_at = []

    def break_off(file):
        started_at.append(file.tell())
        if len(started_at) == 1:
            yield file.read(4)
            raise RetryableError("the drive reports: Input/output error")
        yield from chunks(file)

    monkeypatch.setattr(staging, "_chunks", break_off)
    (photos / "cats" / "1.jpg").unlink()
    (photos / "dogs" / "3.jpg").unlink()
    source = fetch_source(photos, recorded)
    assert contents(source.root) == {"cats/garden/2.png": b"cats/garden/2.png" * 100}
    assert started_at == [0, 4]


def test_errors_of_a_drive_during_a_read_become_errors_of_the_copy():
    class Torn:
        def read(self, size):
            raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(RetryableError, match="the drive reports: Input/output error"):
        next(staging._chunks(Torn()))


def test_a_folder_that_cannot_be_listed_stops_the_copy(photos, slow, recorded, monkeypatch):
    scan = os.scandir

    def fail(path):
        if str(path).endswith("dogs"):
            raise OSError(errno.EIO, "Input/output error")
        return scan(path)

    monkeypatch.setattr(staging.os, "scandir", fail)
    with pytest.raises(SourceError, match=r"dogs cannot be read: Input/output error"):
        fetch_source(photos, recorded)


def test_without_room_for_a_copy_photos_are_read_where_they_are(
    photos, slow, recorded, monkeypatch
):
    def full(*_, **__):
        raise DiskError("The disk is too full to copy photos.\nFree some space.")

    monkeypatch.setattr(mirror, "check_space", full)
    assert fetch_source(photos, recorded).root == photos
    assert "too full to copy photos. The photos are read from the slow drive" in recorded.notes[1]
    with pytest.raises(DiskError):
        fetch_source(photos, recorded, "always")


def test_a_link_back_up_ends(photos, slow, recorded):
    (photos / "cats" / "loop").symlink_to(photos)
    assert len(contents(fetch_source(photos, recorded).root)) == 3


@pytest.mark.parametrize(
    ("kind", "name"),
    [("nfs4", "nfs4"), ("cifs", "cifs"), ("fuse.drive", "drive"), ("9p", "9p"), ("ext4", "")],
)
def test_the_kind_of_the_longest_mount_above_decides(tmp_path, monkeypatch, kind, name):
    folder = tmp_path / "my share" / "photos"
    folder.mkdir(parents=True)
    mount(monkeypatch, tmp_path / "my share", kind)
    assert mounts.network_drive(folder) == name
    assert mounts.network_drive(tmp_path) == ""


def test_the_table_of_this_system_is_read():
    if Path("/proc/self/mountinfo").exists():
        assert " - " in mounts.read_table()
    assert mounts.network_drive(Path("/proc")) == ""
