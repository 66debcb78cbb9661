import numpy as np
import pytest

from pawsight.errors import RunError
from pawsight.training.checkpoints import Checkpoint, load_checkpoint, save_checkpoint


def _checkpoint():
    weights = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7, np.int64)]
    return Checkpoint(5, weights, [np.full(3, 0.1, np.float32)], {"loss": 0.1 + 0.2})


def test_a_checkpoint_comes_back_to_the_bit(tmp_path):
    saved = _checkpoint()
    save_checkpoint(saved, tmp_path / "latest.npz")
    loaded = load_checkpoint(tmp_path / "latest.npz")
    assert (loaded.step, loaded.facts) == (5, {"loss": 0.1 + 0.2})
    for before, after in zip(
        saved.weights + saved.slots, loaded.weights + loaded.slots, strict=True
    ):
        assert before.dtype == after.dtype
        np.testing.assert_array_equal(before, after)


def test_a_missing_checkpoint_is_told(tmp_path):
    with pytest.raises(RunError, match="There is no checkpoint"):
        load_checkpoint(tmp_path / "latest.npz")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_cut_checkpoint_is_told(tmp_path, share):
    path = tmp_path / "latest.npz"
    save_checkpoint(_checkpoint(), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(RunError, match="damaged"):
        load_checkpoint(path)


def test_a_pickle_in_a_checkpoint_is_refused(tmp_path):
    path = tmp_path / "latest.npz"
    np.savez(path, facts=np.array({"step": 1}, dtype=object))
    with pytest.raises(RunError, match="damaged"):
        load_checkpoint(path)
