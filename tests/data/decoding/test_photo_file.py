"""Reading a file from a drive that stumbles, or one that is no longer what was listed."""

import errno
import os

import pytest

from pawsight.data.decoding import photo_file
from pawsight.data.decoding.photo_file import read_photo
from pawsight.errors import PhotoError


@pytest.fixture
def photo(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"0123456789")
    return tmp_path / "photo.jpg"


@pytest.fixture
def waits(monkeypatch):
    """The seconds that are waited, none of which pass."""
    waited: list[float] = []
    monkeypatch.setattr(photo_file.time, "sleep", waited.append)
    return waited


def fail(monkeypatch, number, times):
    """Let reading fail with this error, so many times."""
    real, left = os.read, [times]

    def read(handle, count):
        if left[0]:
            left[0] -= 1
            raise OSError(number, os.strerror(number))
        return real(handle, count)

    monkeypatch.setattr(photo_file.os, "read", read)


@pytest.mark.parametrize("name", ["EIO", "ETIMEDOUT", "ESTALE"])
def test_a_drive_that_stumbles_twice_is_asked_again(photo, waits, monkeypatch, name):
    fail(monkeypatch, getattr(errno, name), 2)
    assert read_photo(photo) == b"0123456789"
    assert len(waits) == 2 and waits[0] < waits[1]


def test_a_drive_that_fails_each_time_is_a_reason(photo, waits, monkeypatch):
    fail(monkeypatch, errno.EIO, 99)
    with pytest.raises(PhotoError, match="cannot be read: Input/output error"):
        read_photo(photo)
    assert len(waits) == 2


def test_a_missing_permission_is_not_asked_for_twice(photo, waits, monkeypatch):
    fail(monkeypatch, errno.EACCES, 1)
    with pytest.raises(PhotoError, match="no permission to read it"):
        read_photo(photo)
    assert waits == []


def test_a_file_that_grows_while_it_is_read_is_read_whole(photo, monkeypatch):
    real, is_first = os.read, [True]

    def read(handle, count):
        if is_first and is_first.pop():
            with photo.open("ab") as file:
                file.write(b"abcdef")
        return real(handle, count)

    monkeypatch.setattr(photo_file.os, "read", read)
    assert read_photo(photo) == b"0123456789abcdef"


def test_short_reads_are_put_together(photo, monkeypatch):
    real = os.read
    monkeypatch.setattr(photo_file.os, "read", lambda handle, count: real(handle, 3))
    assert read_photo(photo) == b"0123456789"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_in_the_place_of_a_photo_keeps_nobody_waiting(tmp_path):
    os.mkfifo(tmp_path / "photo.jpg")
    with pytest.raises(PhotoError, match="not a file"):
        read_photo(tmp_path / "photo.jpg")
