"""Commands in odd environments, as processes: no HOME, no UTF-8, 40 columns, one core, wrong clock.

Elsewhere: closed streams and limits of file sizes (cli/test_output.py), `| head` and /dev/full
(cli/test_main.py), no terminal (cli/test_progress.py), photos that vanish and come back
(training/test_fit_troubles.py), disks that are full or read-only (test_kills.py).
"""

import multiprocessing
import os
import subprocess
import sys

import pytest

import pawsight

# The clock of dates goes back by an hour each time it is read.
CLOCK_GOES_BACK = """
import time
real, readings = time.time, []
def back():
    readings.append(1)
    return real() - 3600 * len(readings)
time.time = back
from pawsight.cli.main import main
main()
"""
ODD = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "COLUMNS": "40"}
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="other locales and no affinity")


def environment(tmp_path, **more):
    """This one without HOME and UTF-8, 40 columns wide, with a cache of its own."""
    kept = {name: value for name, value in os.environ.items() if name not in ("HOME", "LANG")}
    return kept | ODD | {"PAWSIGHT_CACHE": str(tmp_path / "cache")} | more


def use_one_core():
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


@pytest.mark.slow
@pytest.mark.timeout(600)
@needs_posix
def test_training_needs_no_home_no_utf8_no_width_one_core_and_no_right_clock(tmp_path):
    pawsight.draw_sample(tmp_path / "photos", 24)
    (tmp_path / "photos" / "dogs").rename(tmp_path / "photos" / "Dächse")
    options = ["--model", "colab", "--image-size", "24", "--minutes", "0.05"]
    done = subprocess.run(
        [sys.executable, "-c", CLOCK_GOES_BACK, "train", "photos", *options, "--out", "run"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        preexec_fn=use_one_core,
        timeout=580,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert b"Traceback" not in done.stderr and b"D\\xe4chse" in done.stderr + done.stdout
    run = pawsight.Run.open(tmp_path / "run")
    assert run.is_complete
    assert "Dächse" in run.report_path.read_text(encoding="utf-8")


@needs_posix
def test_too_little_address_space_for_tensorflow_is_a_plain_error(tmp_path):
    import resource

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000, resource.RLIM_INFINITY))

    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from pawsight.tensorflow_setup import prepare_tensorflow as p\np()",
        ],
        env=environment(tmp_path),
        capture_output=True,
        preexec_fn=limit,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "ConfigError: This process may use only 1.5 GB of address space" in done.stderr
    assert done.stderr.endswith("Raise the limit: ulimit -v unlimited\n")


@needs_posix
@pytest.mark.parametrize("arguments", [["train", "--help"], ["predict"]])
def test_forty_columns_lose_no_text(arguments, colour_run, save_photo, tmp_path):
    path = save_photo("a.png", "red")
    if "predict" in arguments:
        arguments = ["predict", str(path), "--model", str(colour_run.path)]
    said = []
    for columns in ("40", "200"):
        done = subprocess.run(
            [sys.executable, "-m", "pawsight", *arguments],
            env=environment(tmp_path, COLUMNS=columns),
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        said.append("".join(done.stdout.decode().split()))
    assert said[0] == said[1]


def predicted(path, classifier):
    return classifier.predict(path)[0].label


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_processes_of_each_start_method_classify(method, colour_run, save_photo):
    path = save_photo("a.png", "red")
    classifier = pawsight.load(colour_run.path)
    assert predicted(path, classifier) == "red"  # so that threads and sessions are there to copy
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap_async(predicted, [(path, classifier)] * 4).get(60) == ["red"] * 4
