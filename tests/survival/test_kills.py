"""A sample of `make kill`: 11 kills at random moments, and disks that are full or read-only.

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
# Starting TensorFlow takes most of the time of training in steps, so there are fewer of these.
TASKS = [("ingest", 4, 1), ("predict", 4, 1), ("steps", 3, 1)]


@pytest.mark.slow
@pytest.mark.parametrize(("task", "num_random", "num_faults"), TASKS)
@pytest.mark.timeout(1200)  # of a machine that others use too
@pytest.mark.skipif(sys.platform != "linux", reason="needs LD_PRELOAD")
@pytest.mark.skipif(not shutil.which(os.environ.get("CC", "cc")), reason="needs a C compiler")
def test_kills_and_faults_of_the_disk_change_no_bit_and_show_no_traceback(
    task, num_random, num_faults, tmp_path
):
    saved = tmp_path / "results.json"
    counts = ["--most", "0", "--faults", str(num_faults), "--random", str(num_random)]
    done = subprocess.run(
        [sys.executable, KILL, "--tasks", task, *counts, "--seed", "1", "--out", saved],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    found = json.loads(saved.read_text())["tasks"][task]
    for what, tried in (("random", num_random), ("ENOSPC", num_faults), ("EROFS", num_faults)):
        assert (found[what]["tried"], found[what]["failures"]) == (tried, []), what
