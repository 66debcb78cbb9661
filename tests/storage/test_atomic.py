"""Files and folders appear whole or not at all, with the permissions that the umask gives."""

import errno
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from pawsight.errors import DiskError
from pawsight.results_folders import check_outside, folder_of_runs
from pawsight.storage import atomic, atomic_folder
from pawsight.storage.atomic import (
    check_writable,
    make_dir,
    remove_abandoned,
    replacing,
    write_text,
)
from pawsight.storage.atomic_folder import check_free, new_folder


def mode(path):
    return path.stat().st_mode & 0o777


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def umask(tmp_path):
    tmp_path.chmod(0o755)  # pytest's is private
    before = os.umask(0o027)
    yield
    os.umask(before)


def test_a_file_gets_the_permissions_of_the_umask(tmp_path, umask):
    write_text(tmp_path / "a.txt", "a")
    assert mode(tmp_path / "a.txt") == 0o640


def test_a_write_never_changes_the_umask_of_other_threads(tmp_path, umask):
    stop = threading.Event()

    def write():
        while not stop.is_set():
            write_text(tmp_path / "busy.txt", "busy")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for i in range(3000):
            handle = os.open(tmp_path / f"{i}", os.O_CREAT | os.O_WRONLY, 0o666)
            found = os.fstat(handle).st_mode & 0o777
            os.close(handle)
            assert found == 0o640
    finally:
        stop.set()
        thread.join()


def test_what_is_written_into_a_private_folder_is_private(tmp_path):
    tmp_path.chmod(0o700)
    write_text(tmp_path / "a.txt", "a")
    make_dir(tmp_path / "b" / "c")
    with new_folder(tmp_path / "d") as folder:
        write_text(folder / "e.txt", "e")
    for path in tmp_path.rglob("*"):
        assert mode(path) == (0o700 if path.is_dir() else 0o600), path


def test_the_names_of_new_folders_are_flushed(tmp_path, monkeypatch):
    flushed = []
    flush = atomic.flush

    def record(path):
        flushed.append(path)
        flush(path)

    monkeypatch.setattr(atomic, "flush", record)
    with new_folder(tmp_path / "exports" / "deep" / "onnx") as folder:
        (folder / "model.onnx").write_bytes(b"1")
    assert {tmp_path, tmp_path / "exports"} <= set(flushed)
    flushed.clear()
    write_text(tmp_path / "a" / "b" / "c.txt", "c")
    assert {tmp_path, tmp_path / "a", tmp_path / "a" / "b"} <= set(flushed)
    flushed.clear()
    write_text(tmp_path / "a" / "b" / "c.txt", "c")  # its folders are there already
    assert tmp_path / "a" / "b" in flushed
    assert tmp_path not in flushed


def test_a_file_and_then_its_folder_are_flushed(tmp_path, monkeypatch):
    flushed = []
    fsync = os.fsync

    def record(handle):
        flushed.append((os.fstat(handle).st_ino, (tmp_path / "a.txt").exists()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", record)
    write_text(tmp_path / "a.txt", "a")
    file, folder = (tmp_path / "a.txt").stat().st_ino, tmp_path.stat().st_ino
    assert flushed == [(file, False), (folder, True)]  # the file before it has its name


def test_an_error_leaves_the_old_file(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(ValueError, match="inside"), replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
        raise ValueError("inside")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_long_name_is_written_too(tmp_path):
    path = tmp_path / ("ä" * 120 + ".weights.h5")
    with replacing(path) as temporary:
        assert temporary.name.endswith(".weights.h5")
    assert path.is_file()


@pytest.mark.parametrize("writer", ["replacing", "new_folder"])
def test_the_next_write_removes_what_a_killed_process_left(tmp_path, writer):
    killed = f"""
import os, signal
from pathlib import Path
from pawsight.storage.atomic import replacing
from pawsight.storage.atomic_folder import check_free, new_folder
with {writer}(Path({str(tmp_path / "a.txt")!r})) as temporary:
    (temporary / "b" if temporary.is_dir() else temporary).write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", killed])
    (left,) = names(tmp_path)
    assert left.startswith(".pawsight-")
    write_text(tmp_path / "other.txt", "whole")
    assert names(tmp_path) == ["other.txt"]


def test_what_is_being_written_now_and_files_of_other_names_stay(tmp_path):
    (tmp_path / ".pawsight-notes").write_text("mine")
    with replacing(tmp_path / "a.txt") as temporary:
        remove_abandoned(tmp_path)
        assert names(tmp_path) == sorted([".pawsight-notes", temporary.name])


def test_what_another_machine_writes_stays_for_a_day(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "_HOST", "0a0a0a")
    left = atomic.temporary_path(tmp_path / "a.txt")
    left.write_text("half")
    monkeypatch.undo()
    for seconds, is_left in ((0, True), (86_390, True), (86_410, False)):
        os.utime(left, (time.time() - seconds,) * 2)
        remove_abandoned(tmp_path)
        assert left.exists() is is_left


def test_a_link_that_a_killed_process_left_goes_and_what_it_leads_to_stays(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").touch()
    left = atomic.temporary_path(tmp_path / "a")
    left = left.with_name(left.name.replace(f"-{os.getpid()}-", f"-{2**22 + 1}-"))
    left.symlink_to(tmp_path / "photos")
    remove_abandoned(tmp_path)
    assert names(tmp_path) == ["photos"] and names(tmp_path / "photos") == ["a.jpg"]


def test_a_file_opened_by_its_name_alone_is_private_where_its_folder_is(tmp_path, monkeypatch):
    for name, folder_mode, file_mode in (("a", 0o700, 0o600), ("b", 0o755, 0o644)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(folder_mode)
        monkeypatch.chdir(tmp_path / name)
        before = os.umask(0o022)
        with open("new.txt", "w", opener=atomic.opener):
            os.umask(before)
        assert mode(tmp_path / name / "new.txt") == file_mode


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "a").touch()
    for folder in (tmp_path / "a", tmp_path / "a" / "b"):
        with pytest.raises(DiskError, match=r"(?s)Cannot make the folder .*Choose another folder"):
            make_dir(folder)
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    for out in (tmp_path / "a", tmp_path / "link"):
        with pytest.raises(DiskError, match="never overwrites anything"), new_folder(out):
            pass


def test_a_full_disk_is_reported_with_the_name_that_was_asked_for(tmp_path):
    out = tmp_path / "out"
    with (
        pytest.raises(DiskError, match=rf"^The disk is full: {out}/a.csv could not be written"),
        new_folder(out) as folder,
        replacing(folder / "a.csv"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert names(tmp_path) == []


@pytest.fixture
def read_only_dir():
    """A folder that the test cannot write; root gives its rights away until the test ends."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    root = os.getuid() == 0
    if root:
        os.setresuid(65534, 65534, 0)
    yield folder
    if root:
        os.setresuid(0, 0, 0)
    folder.rmdir()


@pytest.mark.parametrize(
    "check",
    [
        check_free,
        lambda out: check_outside(out, "photos"),
        lambda out: folder_of_runs("photos", out, "-folds"),
    ],
)
def test_a_folder_for_results_that_cannot_be_made_is_refused_before_the_work(read_only_dir, check):
    for out in (read_only_dir, read_only_dir / "runs" / "a"):
        with pytest.raises(
            DiskError, match=rf"(?s)Cannot write into {read_only_dir}: no permission.*Choose anoth"
        ):
            check(out)


def test_a_folder_for_results_may_be_new(tmp_path, monkeypatch):
    check_writable(tmp_path / "runs" / "a")
    monkeypatch.chdir(tmp_path)
    check_writable(Path("runs"))
    assert names(tmp_path) == []


def test_a_folder_that_another_process_made_meanwhile_is_kept(tmp_path):
    out = tmp_path / "out"
    with new_folder(out, keep_existing=True) as folder:
        (folder / "mine").touch()
        out.mkdir()
        (out / "theirs").touch()
    assert names(tmp_path) == ["out"] and names(out) == ["theirs"]


def test_a_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    expected = re.escape(f"{tmp_path / 'out'} is not empty")
    with pytest.raises(DiskError, match=expected), new_folder(tmp_path / "out"):
        pass


def test_without_keep_existing_a_folder_with_files_that_came_meanwhile_is_an_error(tmp_path):
    with pytest.raises(DiskError), new_folder(tmp_path / "out") as folder:
        (folder / "mine").touch()
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "theirs").touch()
    assert names(tmp_path) == ["out"] and names(tmp_path / "out") == ["theirs"]


def test_an_empty_folder_is_replaced_and_nothing_else_is_left(tmp_path):
    (tmp_path / "out").mkdir()
    with new_folder(tmp_path / "out") as folder:
        assert folder.parent == tmp_path
        (folder / "mine").touch()
    assert names(tmp_path) == ["out"] and names(tmp_path / "out") == ["mine"]


def test_an_error_leaves_no_new_folder(tmp_path):
    with pytest.raises(ValueError, match="no"), new_folder(tmp_path / "deep" / "out"):
        raise ValueError("no")
    assert names(tmp_path / "deep") == []


@pytest.mark.parametrize("make", [make_dir, lambda folder: new_folder(folder).__enter__()])
def test_a_name_that_no_system_takes_is_a_plain_error(tmp_path, make):
    with pytest.raises(DiskError, match="holds a NUL character"):
        make(tmp_path / "a\0b" / "c")


@pytest.mark.parametrize(
    ("name", "plain"),
    [("pets", "pets"), ("my pets: 1/2", "my-pets-1-2"), ("..", "photos"), ("-a.b-", "a.b")],
)
def test_a_plain_name_can_be_a_file_anywhere(name, plain):
    assert atomic.plain_name(name) == plain


@pytest.mark.parametrize(("code", "is_raised"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_drive_that_cannot_flush_is_written_all_the_same(tmp_path, monkeypatch, code, is_raised):
    def refuse(handle):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    if is_raised:
        with pytest.raises(DiskError, match="Cannot write"):
            write_text(tmp_path / "a.txt", "a")
    else:
        write_text(tmp_path / "a.txt", "a")
    assert (tmp_path / "a.txt").exists() is not is_raised


def test_a_full_disk_is_named(tmp_path):
    with pytest.raises(DiskError, match="The disk is full"), replacing(tmp_path / "a.txt"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert names(tmp_path) == []


def test_json_is_indented_and_keeps_every_letter(tmp_path):
    atomic.write_json(tmp_path / "a.json", {"Füchse": [1]})
    assert (tmp_path / "a.json").read_text("utf-8") == '{\n  "Füchse": [\n    1\n  ]\n}\n'
    with pytest.raises(ValueError, match="JSON"):
        atomic.write_json(tmp_path / "b.json", float("nan"))


def test_a_process_that_ended_is_told_from_one_that_runs():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not atomic.is_running(ended.pid)
    assert atomic.is_running(os.getpid())
    assert atomic.is_running(1)  # of another user
    assert atomic.is_running(2**80)  # no number of a process: nothing is removed


def test_the_content_of_many_files_is_flushed_at_once(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "sync", lambda: synced.append(True))
    monkeypatch.setattr(atomic_folder, "flush", lambda path: None)
    for count in (100, 101):
        with new_folder(tmp_path / str(count)) as folder:
            for i in range(count):
                (folder / str(i)).touch()
        assert synced == [True] * (count - 100)
