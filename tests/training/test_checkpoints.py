import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from pawsight.errors import RunError
from pawsight.progress import Silent
from pawsight.training.checkpoints import Checkpoint, load_checkpoint, save_checkpoint


def _checkpoint(step=5):
    weights = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7, np.int64)]
    return Checkpoint(step, weights, [np.full(3, 0.1, np.float32)], {"loss": 0.1 + 0.2})


def _save_two(folder):
    for step in (5, 9):
        save_checkpoint(_checkpoint(step), folder)
    return folder / "latest.npz", folder / "previous.npz"


def test_a_checkpoint_comes_back_to_the_bit(tmp_path):
    saved = _checkpoint()
    save_checkpoint(saved, tmp_path)
    loaded = load_checkpoint(tmp_path, Silent())
    assert (loaded.step, loaded.facts) == (5, {"loss": 0.1 + 0.2})
    for before, after in zip(
        saved.weights + saved.slots, loaded.weights + loaded.slots, strict=True
    ):
        assert before.dtype == after.dtype
        np.testing.assert_array_equal(before, after)


def test_before_the_first_checkpoint_there_is_none(tmp_path):
    assert load_checkpoint(tmp_path / "checkpoints", Silent()) is None


def test_a_checkpoint_of_a_version_without_checksums_is_read(tmp_path):
    latest, _ = _save_two(tmp_path)
    latest.write_bytes(latest.read_bytes()[: -len("sha256:") - 64])
    assert load_checkpoint(tmp_path, Silent()).step == 9


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_where_the_last_one_is_cut_the_one_before_it_is_read_and_that_is_printed(
    tmp_path, share, recorded
):
    latest, _ = _save_two(tmp_path)
    content = latest.read_bytes()
    latest.write_bytes(content[: int(len(content) * share)])
    assert load_checkpoint(tmp_path, recorded).step == 5
    (note,) = recorded.notes
    assert "latest.npz is damaged" in note
    assert note.endswith("resuming from the previous checkpoint, after step 5.")


def test_where_the_last_one_was_never_finished_the_one_before_it_is_read(tmp_path):
    latest, _ = _save_two(tmp_path)
    latest.unlink()  # killed between the two renames
    assert load_checkpoint(tmp_path, Silent()).step == 5


def test_one_changed_bit_anywhere_is_noticed(tmp_path):
    latest, _ = _save_two(tmp_path)
    content = latest.read_bytes()
    num_npz = len(content) - len("sha256:") - 64
    for place in range(0, num_npz, 7):
        changed = bytearray(content)
        changed[place] ^= 1 << (place % 8)
        latest.write_bytes(changed)
        assert load_checkpoint(tmp_path, Silent()).step == 5


def test_where_both_are_damaged_the_user_reads_what_to_do(tmp_path):
    for path in _save_two(tmp_path):
        path.write_bytes(b"PK no checkpoint")
    with pytest.raises(
        RunError, match=r"(?s)latest\.npz is damaged.*previous\.npz is damaged.*Remove the folder"
    ):
        load_checkpoint(tmp_path, Silent())


def test_a_pickle_in_a_checkpoint_is_refused(tmp_path):
    np.savez(tmp_path / "latest.npz", facts=np.array({"step": 1}, dtype=object))
    with pytest.raises(RunError, match="damaged"):
        load_checkpoint(tmp_path, Silent())


_SAVE_FOREVER = """
import itertools, pathlib, sys
import numpy as np
from pawsight.training.checkpoints import Checkpoint, save_checkpoint
for step in itertools.count(1):
    weights = [np.full(50_000, step, np.float32)]
    save_checkpoint(Checkpoint(step, weights), pathlib.Path(sys.argv[1]))
    print(step, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("delay_seconds", [0.0, 0.002, 0.005, 0.011])
def test_a_process_killed_while_it_saves_leaves_a_whole_checkpoint(tmp_path, delay_seconds):
    with subprocess.Popen(
        [sys.executable, "-c", _SAVE_FOREVER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        while int(process.stdout.readline()) < 3:
            pass
        time.sleep(delay_seconds)
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
    found = load_checkpoint(tmp_path, Silent())
    assert found.step >= int(rest[-1] if rest else 3)
    assert (found.weights[0] == found.step).all()
