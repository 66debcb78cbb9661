"""A folder from afar is copied once, in parallel, and later only what changed."""

import contextlib
import dataclasses
import hashlib
import sys
import threading
from dataclasses import dataclass, field

import pytest

from pawsight.data.sources import mirror
from pawsight.data.sources.mirror import RemoteFile, copy_all, safe_path, unique_paths
from pawsight.errors import DiskError, SourceError
from pawsight.progress import Silent
from pawsight.storage import download
from pawsight.storage.download import DownloadError, RetryableError, Stream


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "jittered", lambda _: 0.0)


@dataclass
class Far:
    """Files by path; `troubles` are raised in turn when a file is opened, None for none."""

    files: dict[str, bytes]
    troubles: dict[str, list[Exception | None]] = field(default_factory=dict)
    opened: list[tuple[str, int]] = field(default_factory=list)
    states_checksums: bool = True

    def listed(self) -> list[RemoteFile]:
        return [self.one(path) for path in self.files]

    def one(self, path: str) -> RemoteFile:
        content = self.files[path]
        digest = hashlib.md5(content).hexdigest()

        @contextlib.contextmanager
        def open_stream(start: int):
            self.opened.append((path, start))
            troubles = self.troubles.get(path, [])
            trouble = troubles.pop(0) if troubles else None
            now = self.files[path]
            if isinstance(trouble, int):
                yield Stream(start, len(now), iter([now[start:trouble]]))
                return
            if trouble is not None:
                raise trouble
            yield Stream(start, len(now), iter([now[start:]]))

        return RemoteFile(
            path,
            len(content),
            digest,
            open_stream,
            digest if self.states_checksums else "",
            lambda: self.one(path),
        )


class Counted(Silent):
    def __init__(self):
        self.notes, self.total, self.done = [], None, 0

    def start(self, task, total=None, unit=""):
        self.total, self.done = total, 0

    def advance(self, done, **facts):
        self.done += done

    def note(self, text):
        self.notes.append(text)


PETS = {"cats/tom.jpg": b"tom" * 1000, "dogs/rex.jpg": b"rex" * 2000}


def _contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.relative_to(folder).as_posix().startswith(".")
    }


def test_all_files_arrive_and_their_bytes_are_reported():
    far, recorded = Far(dict(PETS)), Counted()
    folder = copy_all("pets", "far:pets", far.listed(), recorded)
    assert _contents(folder) == PETS
    assert recorded.total == recorded.done == 9000
    assert folder.parent.name == "copied" and folder.name.startswith("pets-")


def test_a_second_run_copies_only_what_changed_and_removes_what_is_gone():
    far = Far(PETS | {"birds/coco.jpg": b"coco"})
    folder = copy_all("pets", "far:pets", far.listed(), Silent())
    before = (folder / "dogs/rex.jpg").stat().st_mtime_ns
    far.files["cats/tom.jpg"] = b"another tom"
    del far.files["birds/coco.jpg"]
    far.opened.clear()
    assert copy_all("pets", "far:pets", far.listed(), Silent()) == folder
    assert far.opened == [("cats/tom.jpg", 0)]
    assert _contents(folder) == PETS | {"cats/tom.jpg": b"another tom"}
    assert (folder / "dogs/rex.jpg").stat().st_mtime_ns == before
    assert not (folder / "birds").exists()


def test_a_copy_that_was_changed_here_is_made_again():
    far = Far(dict(PETS))
    folder = copy_all("pets", "far:pets", far.listed(), Silent())
    (folder / "cats/tom.jpg").write_bytes(b"spoilt")
    copy_all("pets", "far:pets", far.listed(), Silent())
    assert _contents(folder) == PETS


def test_another_place_of_the_same_name_has_a_folder_of_its_own():
    far = Far(dict(PETS))
    one = copy_all("pets", "far:one", far.listed(), Silent())
    assert copy_all("pets", "far:two", far.listed(), Silent()) != one


def test_a_file_that_broke_off_is_gone_on_with():
    far = Far(dict(PETS), {"dogs/rex.jpg": [1000, 1500]})
    folder = copy_all("pets", "far:pets", far.listed(), Silent())
    assert [start for path, start in far.opened if path == "dogs/rex.jpg"] == [0, 1000, 1500]
    assert _contents(folder) == PETS


def test_a_file_of_a_stopped_run_is_gone_on_with():
    far = Far(dict(PETS), {"dogs/rex.jpg": [1000, *[RetryableError("there is no connection")] * 4]})
    with pytest.raises(
        SourceError, match=r"1 of 2 files .*rex.jpg: there is no connection\.\n.*--allow-missing"
    ):
        copy_all("pets", "far:pets", far.listed(), Silent(), workers=2)
    far.opened.clear()
    folder = copy_all("pets", "far:pets", far.listed(), Silent())
    assert far.opened == [("dogs/rex.jpg", 1000)]
    assert _contents(folder) == PETS
    assert not list((folder / ".parts").iterdir())


def test_what_was_left_of_another_version_is_thrown_away():
    far = Far(dict(PETS), {"dogs/rex.jpg": [1000, *[RetryableError("busy")] * 4]})
    copy_all("pets", "far:pets", far.listed(), Silent(), allow_missing=True)
    far.files["dogs/rex.jpg"] = b"x" * 500
    folder = copy_all("pets", "far:pets", far.listed(), Silent())
    assert _contents(folder)["dogs/rex.jpg"] == b"x" * 500
    assert not list((folder / ".parts").iterdir())


def test_files_that_are_refused_are_named_and_left_out():
    far = Far(dict(PETS), {"dogs/rex.jpg": [DownloadError("you may not read it")]})
    recorded = Counted()
    folder = copy_all("pets", "far:pets", far.listed(), recorded)
    assert list(_contents(folder)) == ["cats/tom.jpg"]
    assert "1 of 2 files of pets could not be copied" in recorded.notes[0]
    assert "dogs/rex.jpg: you may not read it" in recorded.notes[0]


def test_files_that_a_broken_connection_cost_are_left_out_where_the_user_allows_it():
    far = Far(dict(PETS), {"dogs/rex.jpg": [RetryableError("there is no connection")] * 5})
    recorded = Counted()
    folder = copy_all("pets", "far:pets", far.listed(), recorded, allow_missing=True)
    assert list(_contents(folder)) == ["cats/tom.jpg"]
    assert recorded.notes[0].endswith(
        "dogs/rex.jpg: there is no connection. Run the command again to fetch what is missing."
    )


def test_many_lost_files_are_counted_and_five_named():
    many = {f"{i}.jpg": b"x" for i in range(9)}
    far = Far(many, {f"{i}.jpg": [DownloadError("no")] for i in range(7)})
    recorded = Counted()
    copy_all("pets", "far:pets", far.listed(), recorded)
    assert recorded.notes[0].count(": no") == 5
    assert recorded.notes[0].endswith("and 2 more.")


def test_where_no_file_can_be_copied_that_is_an_error():
    far = Far(dict(PETS), {path: [DownloadError("you may not read it")] for path in PETS})
    with pytest.raises(SourceError, match=r"No file of pets .*you may not read it"):
        copy_all("pets", "far:pets", far.listed(), Silent())


def test_a_lost_connection_ends_it_before_every_file_was_tried(monkeypatch):
    monkeypatch.setattr(download, "jittered", lambda _: 0.02)
    many = {f"{i}.jpg": b"x" for i in range(100)}
    far = Far(many, {path: [RetryableError("there is no connection")] * 5 for path in many})
    with pytest.raises(
        SourceError, match=r"(?s)files could be fetched: there is no connection.*resume"
    ):
        copy_all("pets", "far:pets", far.listed(), Silent(), workers=4)
    assert len({path for path, _ in far.opened}) < 50


def test_a_file_that_changes_while_it_is_copied_is_copied_again():
    far = Far(dict(PETS))
    listed = far.listed()
    far.files["cats/tom.jpg"] = b"another tom"
    folder = copy_all("pets", "far:pets", listed, Silent())
    assert _contents(folder)["cats/tom.jpg"] == b"another tom"
    far.opened.clear()
    copy_all("pets", "far:pets", far.listed(), Silent())
    assert not far.opened


def test_without_checksums_a_change_of_the_same_size_is_seen_too():
    far = Far(dict(PETS), states_checksums=False)
    listed = far.listed()
    far.files["cats/tom.jpg"] = b"tim" * 1000
    far.troubles["cats/tom.jpg"] = [None]
    folder = copy_all("pets", "far:pets", listed, Silent())
    assert _contents(folder)["cats/tom.jpg"] == b"tim" * 1000
    assert far.opened.count(("cats/tom.jpg", 0)) == 2


def test_a_file_that_is_always_wrong_is_left_out():
    far = Far(dict(PETS))
    listed = far.listed()
    listed[0] = RemoteFile("cats/tom.jpg", 3000, "v", listed[0].open_stream, "0" * 32)
    recorded = Counted()
    copy_all("pets", "far:pets", listed, recorded)
    assert "cats/tom.jpg: it arrived twice with a wrong checksum" in recorded.notes[0]


def test_a_full_disk_is_foreseen(monkeypatch):
    far = Far(dict(PETS))
    listed = [
        RemoteFile(f.path, 10**15, f.version, f.open_stream, f.checksum) for f in far.listed()
    ]
    with pytest.raises(DiskError, match=r"too full to copy pets: it needs 2000000\.0 GB"):
        copy_all("pets", "far:pets", listed, Silent())
    assert not far.opened


def test_ctrl_c_stops_at_once_and_keeps_the_parts():
    going, hold = threading.Event(), threading.Event()

    @contextlib.contextmanager
    def endless(start):
        def chunks():
            yield b"x" * 100
            going.set()
            while not hold.is_set():
                yield b""

        yield Stream(start, 10_000, chunks())

    class Pressed(Silent):
        def advance(self, done, **facts):
            if going.wait(10):
                raise KeyboardInterrupt

    file = RemoteFile("cats/tom.jpg", 10_000, "v", endless)
    with pytest.raises(KeyboardInterrupt):
        copy_all("pets", "far:pets", [file], Pressed())
    assert not hold.is_set()  # nobody told the thread but the stop
    folder = next((mirror.cache_dir() / "copied").iterdir())
    assert [path.stat().st_size for path in (folder / ".parts").iterdir()] == [100]


def test_an_error_for_people_ends_everything():
    far = Far(dict(PETS), {"cats/tom.jpg": [SourceError("Sign in again.")]})
    with pytest.raises(SourceError, match=r"Sign in again\."):
        copy_all("pets", "far:pets", far.listed(), Silent())


def test_a_name_that_this_disk_cannot_hold_costs_that_file_alone():
    far = Far(PETS | {"d" * 300 + "/a.jpg": b"a"})
    recorded = Counted()
    folder = copy_all("pets", "far:pets", far.listed(), recorded)
    assert _contents(folder) == PETS
    assert "it cannot be written to the cache" in recorded.notes[0]


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        (["cats", "tom.jpg"], "cats/tom.jpg"),
        (["a/b", "c\\d.jpg"], "a_b/c_d.jpg"),
        (["..", ".", ""], "__/_/_"),
        (["a\x00\n\x7f.jpg"], "a___.jpg"),
        (["😀 ü"], "😀 ü"),
        (["\ud800.jpg"], "?.jpg"),
        # Stands for the byte 0xFF, which Linux allows in a name.
        (["\udcff.jpg"], "\udcff.jpg" if sys.platform == "linux" else "?.jpg"),
    ],
)
def test_names_become_safe_ones(parts, path):
    assert safe_path(parts) == path


def test_long_names_are_cut_between_letters_and_keep_their_ending():
    one, two = safe_path(["😀" * 100 + "1.jpeg"]), safe_path(["😀" * 100 + "2.jpeg"])
    assert one != two
    assert len(one.encode()) <= 240 and one.endswith(".jpeg")


def test_two_files_of_one_name_get_numbers():
    assert unique_paths(["a/t.jpg", "a/T.jpg", "a/t.jpg", "b.c/x", "b.c/x", "a"]) == [
        "a/t.jpg",
        "a/T (2).jpg",
        "a/t (3).jpg",
        "b.c/x",
        "b.c/x (2)",
        "a (2)",
    ]


def test_files_of_unknown_size_need_no_known_space(monkeypatch):
    far, needed = Far({"a.jpg": b"12345", "b.jpg": b"123"}), []
    monkeypatch.setattr(mirror, "check_space", lambda folder, size, why: needed.append(size))
    first, second = far.listed()
    copy_all("pets", "far://space", [first, dataclasses.replace(second, size=None)], Silent())
    assert needed == [5]


def test_space_is_needed_for_what_is_not_here_yet(monkeypatch):
    far = Far(dict(PETS), {"dogs/rex.jpg": [1000, *[RetryableError("busy")] * 4]})
    copy_all("pets", "far:pets", far.listed(), Silent(), allow_missing=True)
    needed = []
    monkeypatch.setattr(mirror, "check_space", lambda folder, size, why: needed.append(size))
    recorded = Counted()
    copy_all("pets", "far:pets", far.listed(), recorded)
    assert needed == [5000]
    assert recorded.total == recorded.done == 6000


def test_files_are_counted_as_they_arrive():
    told = []

    class Told(Silent):
        def advance(self, done, **facts):
            told.extend(facts.values())

    copy_all("pets", "far:pets", Far(dict(PETS)).listed(), Told())
    assert told == ["1 of 2", "2 of 2"]


def test_bytes_of_a_version_that_is_gone_do_not_count():
    far, recorded = Far(dict(PETS)), Counted()
    listed = far.listed()
    far.files["cats/tom.jpg"] = b"another tom"
    copy_all("pets", "far:pets", listed, recorded)
    assert recorded.done == 6000 + len(b"another tom")


@pytest.mark.parametrize(("lost", "is_given_up"), [("0.jpg", True), ("2.jpg", False)])
def test_as_many_lost_files_in_a_row_as_threads_end_it_but_not_at_the_end(lost, is_given_up):
    far = Far({f"{i}.jpg": b"x" for i in range(3)}, {lost: [RetryableError("busy")] * 5})
    if is_given_up:
        with pytest.raises(SourceError, match="none of the last 1 files could be fetched: busy"):
            copy_all("pets", "far:pets", far.listed(), Silent(), workers=1, allow_missing=True)
        assert {path for path, _ in far.opened} <= {"0.jpg", "1.jpg"}
    else:
        folder = copy_all("pets", "far:pets", far.listed(), Silent(), workers=1, allow_missing=True)
        assert sorted(_contents(folder)) == ["0.jpg", "1.jpg"]


def test_lost_files_between_others_end_nothing():
    far = Far({f"{i}.jpg": b"x" for i in range(8)})
    far.troubles = {f"{i}.jpg": [DownloadError("no")] for i in (0, 1, 3, 4)}  # refused, each alone
    folder = copy_all("pets", "far:pets", far.listed(), Silent(), workers=1)
    assert sorted(_contents(folder)) == ["2.jpg", "5.jpg", "6.jpg", "7.jpg"]


class Growing(Far):
    """Its cat grows each time it is opened."""

    def one(self, path):
        file = super().one(path)

        def open_stream(start):
            if path == "cats/tom.jpg":
                self.files[path] += b"more"
            return file.open_stream(start)

        return dataclasses.replace(file, open_stream=open_stream)


def test_a_file_that_never_stays_the_same_is_left_out():
    far, recorded = Growing(dict(PETS)), Counted()
    folder = copy_all("pets", "far:pets", far.listed(), recorded)
    assert list(_contents(folder)) == ["dogs/rex.jpg"]
    assert "cats/tom.jpg: it changes faster than it can be copied" in recorded.notes[0]


def test_a_file_of_another_size_than_listed_is_left_out_with_both_sizes():
    far, recorded = Far(dict(PETS)), Counted()
    listed = [dataclasses.replace(file, checksum="", refreshed=None) for file in far.listed()]
    listed[0] = dataclasses.replace(listed[0], size=1234)
    copy_all("pets", "far:pets", listed, recorded)
    assert "cats/tom.jpg: it has 3,000 bytes, but 1,234 were listed" in recorded.notes[0]


def test_a_file_whose_checksum_is_right_is_not_asked_about_again():
    def ask():
        raise AssertionError("it was asked about again")

    listed = [dataclasses.replace(file, refreshed=ask) for file in Far(dict(PETS)).listed()]
    assert _contents(copy_all("pets", "far:pets", listed, Silent())) == PETS
