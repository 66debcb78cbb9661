"""Ctrl-C while onnx or protobuf is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Sends Ctrl-C to itself, as the user may at any moment.
MODULE = """
import os, signal, time
os.kill(os.getpid(), signal.SIGINT)
time.sleep(0.01)
print("imported")
"""
PROGRAM = """
import signal, sys, time
sys.path.insert(0, sys.argv[1])
from pawsight.cli import ctrl_c
ctrl_c.install()
try:
    import NAME
    time.sleep(60)
except KeyboardInterrupt:
    print("interrupted")
"""


def output_of(tmp_path, name: str, program: str = PROGRAM) -> list[str]:
    (tmp_path / f"{name}.py").write_text(MODULE)
    command = [sys.executable, "-c", program.replace("NAME", name), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=50)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("name", "expected"), [("onnx", ["imported", "interrupted"]), ("onnxother", ["interrupted"])]
)
def test_ctrl_c_waits_for_the_import_of_onnx_and_of_nothing_else(tmp_path, name, expected):
    assert output_of(tmp_path, name) == expected


def test_ctrl_c_that_the_shell_ignores_stays_ignored(tmp_path):
    ignoring = PROGRAM.replace("ctrl_c.install", "signal.signal(2, signal.SIG_IGN); ctrl_c.install")
    assert output_of(tmp_path, "onnx", ignoring.replace("sleep(60)", "sleep(0.2)")) == ["imported"]
