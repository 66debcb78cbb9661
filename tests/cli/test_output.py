"""Standard output holds results alone, and closed or limited streams end in plain lines."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

NOISY = """
import os, sys
from pawsight.inference import classifier
from pawsight.cli.main import main
real = classifier.load
def load(*arguments):
    print("EP Error: from Python")
    os.write(1, b"from C++\\n")
    return real(*arguments)
classifier.load = load
main()
"""
needs_shell = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")

# Python would write half a compiled module under such a limit.
LIMIT = "export PYTHONDONTWRITEBYTECODE=1; ulimit -f 1;"


def shell(redirections, *arguments, limit=""):
    command = [sys.executable, "-m", "pawsight", *map(str, arguments)]
    script = f'{limit} exec "$@" {redirections}'
    return subprocess.run(["sh", "-c", script, "sh", *command], capture_output=True, timeout=120)


def test_what_a_library_prints_is_not_among_the_rows(colour_run, save_photo):
    path = save_photo("a.png", "red")
    done = subprocess.run(
        [sys.executable, "-c", NOISY, "predict", path, "--model", colour_run.path],
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    head, row = done.stdout.decode().splitlines()
    assert head.startswith("path,label,") and row.startswith(f"{path},red,")
    assert b"EP Error: from Python" in done.stderr and b"from C++" in done.stderr


@needs_shell
def test_closed_standard_input_is_an_empty_one(colour_run, save_photo):
    path = save_photo("a.png", "red")
    done = shell("<&-", "predict", path, "--model", colour_run.path)
    assert (done.returncode, done.stdout.count(b"\n")) == (0, 2), done.stderr
    done = shell("<&-", "predict", "-", "--model", colour_run.path)
    assert (done.returncode, done.stderr) == (0, b"No photos were named.\n")


@needs_shell
@pytest.mark.parametrize(
    "arguments", [["predict", "{path}", "--model", "{run}"], ["--help"], ["--version"]]
)
def test_closed_standard_output_is_a_plain_error(colour_run, save_photo, arguments):
    path = save_photo("a.png", "red")
    filled = [one.format(path=path, run=colour_run.path) for one in arguments]
    done = shell(">&-", *filled)
    assert done.returncode == 1
    assert done.stderr == b"Error: Standard output cannot be written: Bad file descriptor.\n"


@needs_shell
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device there")
def test_messages_that_cannot_be_written_end_no_command(tmp_path):
    done = shell("2>/dev/full", "sample", tmp_path / "drawn", "--count", 2)
    assert done.returncode == 0
    assert len([*tmp_path.rglob("*.*")]) == 2


@needs_shell
def test_output_beyond_the_limit_of_file_sizes_is_a_plain_error(colour_run, save_photo, tmp_path):
    paths = [save_photo(f"{'long' * 30}{i}.png", "red") for i in range(8)]
    done = shell(
        f"> '{tmp_path}/rows.csv'",
        "predict",
        *paths,
        "--model",
        colour_run.path,
        limit=LIMIT,
    )
    assert done.returncode == 1
    assert done.stderr == b"Error: Standard output cannot be written: File too large.\n"
    output = tmp_path / "kept.csv"
    done = shell("", "predict", *paths, "--model", colour_run.path, "--output", output, limit=LIMIT)
    assert done.returncode == 1 and b"bug" not in done.stderr
    assert b"File too large" in done.stderr


@needs_shell
def test_a_command_with_a_stuck_thread_ends_after_ctrl_c(colour_run, save_photo):
    path = save_photo("a.png", "red")
    stuck = (
        "import sys, time\nfrom pawsight.inference.model_runner import ModelRunner\n"
        "def run(self, images):\n    print('running', file=sys.stderr, flush=True)\n"
        "    time.sleep(600)\n"
        "ModelRunner.run = run\nfrom pawsight.cli.main import main\nmain()\n"
    )
    command = [sys.executable, "-c", stuck, "predict", path, "--model", colour_run.path]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heed
    ) as process:
        assert process.stderr.readline() == b"running\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr.read() == b"Stopped.\n"


def heed():
    signal.signal(signal.SIGINT, signal.default_int_handler)
