import numpy as np
import pytest

from pawsight.errors import RunError
from pawsight.storage.npz import opened_npz, save_npz


def test_arrays_come_back_by_their_names(tmp_path):
    save_npz(tmp_path / "kept.npz", ones=np.ones(3), two=np.array([2], np.int32))
    with opened_npz(tmp_path / "kept.npz") as found:
        assert found["ones"].tolist() == [1, 1, 1]
        assert found["two"].dtype == np.int32
    assert [path.name for path in tmp_path.iterdir()] == ["kept.npz"]


def test_what_the_block_refuses_is_damage_of_the_file(tmp_path):
    save_npz(tmp_path / "kept.npz", ones=np.ones(3))
    with (
        pytest.raises(RunError, match=r"kept\.npz cannot be read, or it is damaged \(too few\)"),
        opened_npz(tmp_path / "kept.npz"),
    ):
        raise ValueError("too few")


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 and no more"])
def test_a_missing_or_damaged_file_is_reported(content, tmp_path):
    path = tmp_path / "kept.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RunError, match="Train again"), opened_npz(path):
        pass
