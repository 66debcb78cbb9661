"""A sample of `make kill`: 12 kills at random moments, and disks that are full or read-only.

The whole runs in benchmarks/kill: kills before each change of a file, and power cuts after it.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

KILL = Path(__file__).resolve().parents[2] / "benchmarks" / "kill" / "run.py"
TASKS = ("ingest", "predict", "steps")
NUM_KILLS = 4  # of each task; starting TensorFlow takes most of the time of training in steps


@pytest.fixture(scope="session")
def results(make_once):
    """A folder with the results of all tasks: one program imports all that they use once."""

    def run(folder):
        folder.mkdir()
        counts = ["--most", "0", "--faults", "1", "--random", str(NUM_KILLS), "--seed", "1"]
        chosen = ["--tasks", ",".join(TASKS), "--out", folder / "results.json"]
        done = subprocess.run(
            [sys.executable, KILL, *chosen, *counts],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout

    return make_once("survival/kills", run)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.timeout(1200)  # of a machine that others use too
@pytest.mark.skipif(sys.platform != "linux", reason="needs LD_PRELOAD")
@pytest.mark.skipif(not shutil.which(os.environ.get("CC", "cc")), reason="needs a C compiler")
def test_kills_and_faults_of_the_disk_change_no_bit_and_show_no_traceback(task, results):
    found = json.loads((results / "results.json").read_text())["tasks"][task]
    for what, tried in (("random", NUM_KILLS), ("ENOSPC", 1), ("EROFS", 1)):
        assert (found[what]["tried"], found[what]["failures"]) == (tried, []), what
