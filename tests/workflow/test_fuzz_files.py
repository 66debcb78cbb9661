"""A sample of `make fuzz-files`: damaged files end in an error for people, and do nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).resolve().parents[2] / "benchmarks" / "fuzz_files" / "run.py"
KINDS = (
    "model.json,config.json,state.json,plan.json,checksums.json,metrics.json,curves.json,"
    "history.csv,catalog.csv,split.csv,predictions.csv,checkpoint,detector,model.onnx,table,zip,tar"
)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs fork and /proc")
def test_damaged_files_end_in_an_error_and_run_nothing(run, tmp_path):
    saved = tmp_path / "results.json"
    options = ["--run", run.path, "--kinds", KINDS, "--count", "40", "--seed", "7", "--out", saved]
    done = subprocess.run(
        [sys.executable, FUZZ, *options],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, saved.read_text()
    found = json.loads(saved.read_text())["kinds"]
    assert [one["count"] for one in found.values()] == [40] * 17
    assert sum(one["outcomes"]["refused"] for one in found.values()) > 170  # most are damaged
