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
