"""A lock belongs to one owner at a time, and to nobody once that process is gone."""

import os
import subprocess
import sys
import threading

import pytest

from pawsight.storage.locks import lock_unshared, locked, share

HOLDING = """
import sys
from pathlib import Path
from pawsight.storage.locks import locked
with locked(Path(sys.argv[1]), print):
    print("locked", flush=True)
    sys.stdin.read()
"""


class TakenError(Exception):
    pass


def refuse(owner):
    raise TakenError(owner)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lock"


@pytest.fixture
def other(path):
    """Another process that has the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"locked\n"
        yield process
        process.kill()


def test_who_may_not_wait_learns_which_process_has_the_lock(path, other):
    with pytest.raises(TakenError, match=f"process {other.pid} on "), locked(path, refuse):
        pass


def test_a_waiting_process_gets_the_lock_of_one_that_is_killed(path, other):
    owners = []

    def end(owner):
        owners.append(owner)
        other.kill()

    with locked(path, end):
        assert owners[0].startswith(f"process {other.pid} ")
    assert len(owners) == 1


def test_two_threads_of_one_process_exclude_each_other(path):
    outcomes = []

    def take():
        try:
            with locked(path, refuse):
                outcomes.append("locked")
        except TakenError as error:
            outcomes.append(str(error))

    with locked(path, refuse):
        thread = threading.Thread(target=take)
        thread.start()
        thread.join()
    assert outcomes[0].startswith(f"process {os.getpid()} ")
    take()
    assert outcomes[1] == "locked"


def test_an_error_in_the_block_releases_the_lock(path):
    with pytest.raises(ValueError, match="inside"), locked(path, refuse):
        raise ValueError("inside")
    with locked(path, refuse):
        pass


def test_a_lock_of_an_earlier_version_is_an_empty_file(path):
    path.touch()
    with locked(path, refuse):
        pass


def test_a_file_that_is_no_lock_is_named(path):
    path.write_text("a letter" * 100)
    with pytest.raises(OSError, match=r"cannot be locked.*lock'"), locked(path, refuse):
        pass
    assert path.read_text() == "a letter" * 100


def test_a_shared_lock_keeps_off_only_who_wants_it_alone(path):
    first, second = share(path, 0), share(path, 0)
    with lock_unshared(path) as is_free:
        assert not is_free
    first.close()
    closing = threading.Thread(target=second.close)  # a thread of the program may release it
    closing.start()
    closing.join()
    with lock_unshared(path) as is_free:
        assert is_free
