"""Processes that take each step together train as one process does."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pawsight.training.communicator import SINGLE_PROCESS

from . import communicator_program

pytestmark = pytest.mark.slow


def free_addresses(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    finally:
        for one in sockets:
            one.close()


@pytest.fixture(scope="session")
def found(make_once):
    """What each of two processes, and this one alone, ended with; by name."""

    def run(folder):
        folder.mkdir()
        path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
        env = os.environ | {"PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": "-1"}
        program = [sys.executable, communicator_program.__file__, str(folder)]
        addresses = free_addresses(2)
        processes = [
            subprocess.Popen([*program, str(index), *addresses], env=env) for index in range(2)
        ]
        try:
            communicator_program.save(
                communicator_program.results(SINGLE_PROCESS, folder / "2"), folder / "2.npz"
            )
            assert [process.wait(240) for process in processes] == [0, 0]
        finally:
            for process in processes:
                process.kill()
                process.wait()

    folder = make_once("training/communicator", run)
    return [dict(np.load(folder / f"{number}.npz")) for number in range(3)]


def arrays(found, name):
    count = sum(key.startswith(f"{name}-") for key in found)
    return [found[f"{name}-{number}"] for number in range(count)]


@pytest.mark.parametrize("name", ["exact", "fused", "fitted"])
def test_weights_of_all_processes_are_equal_to_the_bit(found, name):
    for one, other in zip(arrays(found[0], name), arrays(found[1], name), strict=True):
        np.testing.assert_array_equal(one, other)


def test_two_processes_train_as_one_in_float64(found):
    for one, alone in zip(arrays(found[0], "exact"), arrays(found[2], "exact"), strict=True):
        np.testing.assert_allclose(one, alone, rtol=0, atol=1e-12)


def test_fused_normalization_uses_the_statistics_of_the_whole_batch(found):
    for one, alone in zip(arrays(found[0], "fused"), arrays(found[2], "fused"), strict=True):
        np.testing.assert_allclose(one, alone, rtol=1e-4, atol=1e-4)


def test_parts_of_a_batch_are_read_and_augmented_as_in_the_whole(found):
    first, second, whole = (arrays(one, "augmented") for one in found)
    assert [len(one) for one in first] == [4] * 6
    for parts in zip(first, second, whole, strict=True):
        np.testing.assert_array_equal(np.concatenate(parts[:2]), parts[2])


def test_a_run_of_two_processes_has_the_history_of_one(found):
    two, alone = arrays(found[0], "fitted")[-1], arrays(found[2], "fitted")[-1]
    assert two.shape == alone.shape
    np.testing.assert_array_equal(two[:, 0], alone[:, 0])  # the steps
    np.testing.assert_allclose(two, alone, rtol=1e-3)


def test_all_do_what_the_first_decides_and_stop_if_one_has_to(found):
    for one in found[:2]:
        first, second = arrays(one, "agreed")
        assert first.tolist() == [7, 1, 1]
        assert second.tolist() == [0, 0, 0]
