from types import SimpleNamespace

import pytest

from pawsight.errors import DiskError
from pawsight.storage import disk_space


@pytest.fixture
def free(monkeypatch):
    """Set how many bytes a disk has free."""

    def set_free(num_bytes):
        usage = SimpleNamespace(free=num_bytes)
        monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda folder: usage)

    return set_free


def test_what_just_fits_is_written_and_one_byte_more_is_not(tmp_path, free):
    free(1000)
    disk_space.check_space(tmp_path, 600, "unpack pets.zip", reserve=400)
    with pytest.raises(DiskError):
        disk_space.check_space(tmp_path, 601, "unpack pets.zip", reserve=400)


def test_what_is_there_beyond_the_need_makes_no_space(tmp_path, free):
    free(399)
    with pytest.raises(DiskError, match=r"needs 0\.0 MB"):
        disk_space.check_space(tmp_path, -600, "copy pets", reserve=400)


@pytest.mark.parametrize(
    ("num_bytes", "known", "reserve", "words"),
    [
        (99_900_000, 0, 0, "it needs 99.9 MB, and 1.5 MB are free in /disk.\n"),
        (100_000_000, 0, 0, "it needs 0.1 GB, and 1.5 MB are free"),
        (
            10**9,
            2 * 10**9,
            3 * 10**8,
            "it needs 2.0 GB, and 1.5 MB are free in /disk, of which 0.3",
        ),
    ],
)
def test_the_error_states_what_is_needed_and_what_is_free(free, num_bytes, known, reserve, words):
    free(1_500_000)
    folder = disk_space.Path("/disk/pets")
    with pytest.raises(DiskError) as caught:
        disk_space.check_space(folder, num_bytes, "unpack", known_bytes=known, reserve=reserve)
    assert str(caught.value).startswith(f"The disk is too full to unpack: {words}")


def test_the_disk_is_that_of_the_nearest_folder_there_is(tmp_path, monkeypatch):
    asked = []

    def usage(folder):
        asked.append(folder)
        return SimpleNamespace(free=7)

    monkeypatch.setattr(disk_space.shutil, "disk_usage", usage)
    (tmp_path / "file").touch()
    assert disk_space.free_bytes(tmp_path / "file" / "new" / "newer") == 7
    assert asked == [tmp_path]
