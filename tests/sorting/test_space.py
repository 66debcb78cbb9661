"""A sort needs space for what it copies, and for nothing else."""

from types import SimpleNamespace

import pytest

from pawsight.sorting import space


def placed(path, size, status="planned"):
    return SimpleNamespace(path=str(path), size=size, status=status)


@pytest.fixture
def needed(monkeypatch, tmp_path):
    """What a sort into a folder that is not there yet needs."""
    asked = []

    def need(into, num_bytes, purpose, reserve, advice):
        asked.append((into, num_bytes, reserve))

    monkeypatch.setattr(space.disk_space, "check_space", need)

    def run(how, *placements):
        sorting = SimpleNamespace(into=tmp_path / "new" / "sorted", how=how, placements=placements)
        space.need_space(sorting)
        assert all(into == sorting.into and left == 50_000_000 for into, _, left in asked)
        return [num_bytes for _, num_bytes, _ in asked]

    return run


def test_copies_need_their_bytes(needed, tmp_path):
    photos = placed(tmp_path / "a", 5), placed(tmp_path / "b", 7), placed("c", 9, "there")
    assert needed("copy", *photos) == [12]


def test_links_and_moves_on_one_disk_need_none(needed, tmp_path):
    (tmp_path / "a").touch()
    assert needed("link", placed(tmp_path / "a", 5)) == []
    assert needed("move", placed(tmp_path / "a", 5)) == []


def test_moves_from_another_disk_need_their_bytes(needed, tmp_path, monkeypatch):
    (tmp_path / "a").touch()
    gone = tmp_path / "gone"
    assert space._device_of(str(gone)) is None
    device = tmp_path.stat().st_dev
    monkeypatch.setattr(space, "_device_of", lambda path: device + path.endswith("far"))
    assert needed("move", placed("far", 5), placed("near", 7)) == [5]
