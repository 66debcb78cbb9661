from pathlib import Path

import pytest

from pawsight.storage import mounts


def test_the_drive_of_a_colab_notebook_is_recognised_by_its_path(tmp_path, monkeypatch):
    drive = tmp_path / "drive"
    (drive / "MyDrive").mkdir(parents=True)
    (tmp_path / "drive2").mkdir()
    monkeypatch.setattr(mounts, "_COLAB_DRIVE", str(drive))
    monkeypatch.setattr(mounts, "read_table", str)
    assert mounts.network_drive(drive) == "Google Drive"
    assert mounts.network_drive(drive / "MyDrive") == "Google Drive"
    assert mounts.network_drive(tmp_path / "drive2") == ""


TABLE = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /net rw - nfs4 server:/export rw
31 30 8:2 / /net/local rw master:1 shared:2 - xfs /dev/sdb rw
32 22 0:41 / /my\040drive rw - fuse.rclone remote: rw
33 22 0:42 / /secret rw - fuse.encfs encfs rw
34 22 0:43 / /twice rw - nfs old:/x rw
35 22 0:44 / /twice rw - ext4 /dev/sdc rw
damaged line
36 22 0:45 /short - nfs x
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/me", ""),
        ("/net", "nfs4"),
        ("/net/photos", "nfs4"),
        ("/network", ""),  # another name that begins alike
        ("/net/local/photos", ""),  # the longest mount point counts
        ("/my drive/photos", "rclone"),
        ("/secret", ""),  # a program that reads a disk of this machine
        ("/twice", ""),  # of two at one place the last one is on top
    ],
)
def test_a_folder_is_on_the_mount_nearest_above_it(monkeypatch, folder, kind):
    monkeypatch.setattr(mounts, "read_table", lambda: TABLE)
    monkeypatch.setattr(mounts.os.path, "realpath", str)
    assert mounts.network_drive(Path(folder)) == kind


def test_a_system_without_a_table_has_no_network_drives(tmp_path, monkeypatch):
    monkeypatch.setattr(mounts, "_TABLE", tmp_path / "none")
    assert mounts.network_drive(tmp_path) == ""
    (tmp_path / "table").write_bytes(f"30 22 0:40 / {tmp_path} rw - nfs4 \xff rw".encode("latin-1"))
    monkeypatch.setattr(mounts, "_TABLE", tmp_path / "table")
    assert mounts.network_drive(tmp_path) == "nfs4"
