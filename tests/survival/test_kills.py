"""A sample of `make kill`: 27 kills at random moments, and disks that are full or read-only.

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
TASKS = ("ingest", "steps", "predict")


@pytest.mark.slow
@pytest.mark.timeout(1200)  # of a machine that others use too
@pytest.mark.skipif(sys.platform != "linux", reason="needs LD_PRELOAD")
@pytest.mark.skipif(not shutil.which(os.environ.get("CC", "cc")), reason="needs a C compiler")
def test_kills_and_faults_of_the_disk_change_no_bit_and_show_no_traceback(tmp_path):
    saved = tmp_path / "results.json"
    options = ["--most", "0", "--faults", "2", "--random", "9", "--seed", "1"]
    done = subprocess.run(
        [sys.executable, KILL, "--tasks", ",".join(TASKS), *options, "--out", saved],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    found = json.loads(saved.read_text())["tasks"]
    for name in TASKS:
        for what, tried in (("random", 9), ("ENOSPC", 2), ("EROFS", 2)):
            assert (found[name][what]["tried"], found[name][what]["failures"]) == (tried, []), name
