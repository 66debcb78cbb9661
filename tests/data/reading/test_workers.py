"""Processes that read photos: decoders that crash, hang or eat memory harm one photo each."""

import functools
import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from pawsight import machine
from pawsight.data.reading import ingest as ingest_room
from pawsight.data.reading import reader, worker_process
from pawsight.data.reading.batch import Batch
from pawsight.data.reading.ingest import ingest
from pawsight.data.reading.workers import read_all
from pawsight.progress import Silent

SIZE = (12, 16)
CRASH = "reading it crashed the decoder, or took all memory"

PLANTED = """
import ctypes, re, signal, time
from pawsight.data.reading import batch
from pawsight.data.reading import reader

real = batch.survey

def survey(data, *settings):
    if b"HANG" in data:
        re.match("(a*)*b", "a" * 40)  # for hours, and without letting another thread run
    if b"WAIT" in data:
        signal.setitimer(signal.ITIMER_REAL, 1.5)  # instead of CLOCK_SECONDS
        time.sleep(600)
    if b"CRASH" in data:
        ctypes.string_at(0)
    if b"MEMORY" in data:
        bytearray(6 * 2**30)  # none of it touched: only the limit keeps it from being had
    if b"BUG" in data:
        raise LookupError("a bug in pawsight")
    return real(data, *settings)

def work(photos, watch):
    if isinstance(watch, reader.SignalTimeout):  # in a separate process
        reader.PROCESSOR_SECONDS = 0.5
        batch.survey = survey
    return batch.read_batch(photos, watch)

def limits(photos, watch):
    import resource

    handlers = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    return [resource.getrlimit(resource.RLIMIT_DATA)[0], handlers == [signal.SIG_IGN] * 2]
"""


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """What a process does with a batch, with decoders that some photos harm."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "planted_decoders.py").write_text(PLANTED)
    monkeypatch.syspath_prepend(tmp_path / "modules")
    yield importlib.import_module("planted_decoders").work
    del sys.modules["planted_decoders"]


@pytest.fixture
def pets(tmp_path) -> Path:
    """Two classes of five photos."""
    for name in ("cats", "dogs"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(5):
            Image.new("RGB", (32, 24), (i, 9, 9)).save(tmp_path / "pets" / name / f"{i}.png")
    return tmp_path / "pets"


def harm(photo: Path, how: str) -> None:
    photo.write_bytes(photo.read_bytes() + how.encode())


def batches_of(root: Path, size: int) -> list[Batch]:
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))
    starts = range(0, len(paths), size)
    return [Batch(str(root), tuple(paths[i : i + size]), i, SIZE, "stretch", None) for i in starts]


def found(batches, num_workers, work) -> dict[str, str]:
    """Read batches, and give each photo's problem."""
    return {
        path: finding.problem
        for batch, findings in read_all(batches, num_workers, work)
        for path, finding in zip(batch.paths, findings, strict=True)
    }


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        ("HANG", "took more than 10 seconds to decode"),
        ("CRASH", CRASH),
        ("MEMORY", "needs more memory than there is"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="there a process has no such limits")
def test_one_photo_of_a_batch_fails_and_all_others_are_read(pets, planted, how, problem):
    harm(pets / "cats/3.png", how)
    problems = found(batches_of(pets, 6), 2, planted)
    assert problems.pop("cats/3.png") == problem
    assert len(problems) == 9 and set(problems.values()) == {""}


@pytest.mark.skipif(sys.platform != "linux", reason="there a process has no such limits")
def test_a_process_may_take_what_one_photo_needs_and_leaves_ctrl_c_to_its_parent(pets, planted):
    limits = sys.modules["planted_decoders"].limits
    ((_, (limit, is_ignoring)),) = read_all(batches_of(pets, 10), 1, limits)
    # Besides what the process has when it starts.
    most = min(reader.MEMORY_BYTES, machine.memory() * 3 // 4)
    assert 10 * 2**20 < limit - most < 2**30
    assert is_ignoring


def test_several_bad_photos_in_one_batch_are_all_found(pets, planted):
    for name in ("cats/0.png", "cats/4.png", "dogs/4.png"):
        harm(pets / name, "CRASH")
    problems = found(batches_of(pets, 10), 1, planted)
    assert [path for path, problem in problems.items() if problem == CRASH] == [
        *("cats/0.png", "cats/4.png", "dogs/4.png"),
    ]
    assert len(problems) == 10


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_a_decoder_that_waits_for_ever_is_ended_by_the_clock(pets, planted):
    harm(pets / "dogs/0.png", "WAIT")
    problems = found(batches_of(pets, 10), 1, planted)
    assert problems.pop("dogs/0.png") == "took more than 60 seconds to decode"
    assert set(problems.values()) == {""}


def test_a_bug_in_a_worker_is_reported_where_it_is_waited_for(pets, planted):
    harm(pets / "dogs/0.png", "BUG")
    with pytest.raises(RuntimeError, match="LookupError: a bug in pawsight"):
        found(batches_of(pets, 10), 1, planted)


def test_few_photos_cannot_take_the_user_s_process_down_either(
    pets, planted, tmp_path, monkeypatch
):
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(ingest_room, "read_all", functools.partial(read_all, work=planted))
    harm(pets / "cats/0.png", "CRASH")
    harm(pets / "dogs/4.png", "HANG")
    catalog, pixels = ingest(pets, SIZE)
    assert [(photo.path, photo.problem) for photo in catalog.broken] == [
        ("cats/0.png", CRASH),
        ("dogs/4.png", "took more than 10 seconds to decode"),
    ]
    assert len(pixels.read(catalog.usable)) == 8


def test_a_photo_that_took_too_long_is_not_tried_again_and_one_that_crashed_is(
    pets, planted, tmp_path, monkeypatch
):
    class Counting(Silent):
        num_read = 0

        def advance(self, done, **facts):
            self.num_read += done if "rate" in facts else 0

    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(ingest_room, "read_all", functools.partial(read_all, work=planted))
    harm(pets / "cats/0.png", "CRASH")
    harm(pets / "dogs/4.png", "HANG")
    ingest(pets, SIZE)
    counting = Counting()
    catalog, _ = ingest(pets, SIZE, progress=counting)
    assert counting.num_read == 1
    assert len(catalog.broken) == 2


def test_photos_of_a_lost_process_are_no_permanent_problem_where_no_other_may_start(
    pets, planted, monkeypatch
):
    popen, started = subprocess.Popen, []

    def start_one(*arguments, **settings):
        if started:
            raise PermissionError(13, "Permission denied")
        started.append(popen(*arguments, **settings))
        return started[0]

    monkeypatch.setattr(worker_process.subprocess, "Popen", start_one)
    harm(pets / "cats/3.png", "CRASH")
    read = list(read_all(batches_of(pets, 5), 1, planted))
    (dogs,) = [results for batch, results in read if len(batch.paths) == 5]
    assert [one.problem for one in dogs] == [""] * 5  # read in this process
    cats = {batch.paths: results for batch, results in read if len(batch.paths) == 1}
    assert list(cats) == [(f"cats/{i}.png",) for i in range(5)]
    for (result,) in cats.values():
        assert (result.problem, result.is_permanent) == (CRASH, False)


@pytest.mark.parametrize("program", ["raise SystemExit(3)", "import time; time.sleep(0)"])
def test_photos_are_read_here_where_no_process_can_live(pets, planted, monkeypatch, program):
    monkeypatch.setattr(worker_process, "_PROGRAM", program)
    assert set(found(batches_of(pets, 4), 2, planted).values()) == {""}


def test_photos_are_read_here_where_no_process_may_start(pets, planted, monkeypatch):
    def refuse(*arguments, **settings):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(worker_process.subprocess, "Popen", refuse)
    assert set(found(batches_of(pets, 4), 2, planted).values()) == {""}


def test_no_file_in_the_user_s_folder_is_run(pets, planted, monkeypatch):
    for name in ("pickle", "sys", "numpy", "PIL"):
        (pets / f"{name}.py").write_text(f"open({str(pets / 'was-run')!r}, 'w')")
    monkeypatch.chdir(pets)
    assert set(found(batches_of(pets, 4), 2, planted).values()) == {""}
    assert not (pets / "was-run").exists()


def test_closing_the_iterator_ends_the_processes(pets, planted, monkeypatch):
    started = []
    popen = subprocess.Popen

    def start(*arguments, **settings):
        started.append(popen(*arguments, **settings))
        return started[-1]

    monkeypatch.setattr(worker_process.subprocess, "Popen", start)
    harm(pets / "cats/0.png", "WAIT")
    reading = read_all(batches_of(pets, 1), 2, planted)
    next(reading)
    reading.close()
    assert len(started) == 2
    assert all(process.poll() is not None for process in started)


READING = """
import sys
from pawsight.data.reading.workers import read_all
from test_batches import batches
from planted_decoders import work
for batch, findings in read_all(batches, 2, work):
    print("read", flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
def test_processes_end_with_a_killed_parent_even_in_the_middle_of_a_photo(pets, planted, tmp_path):
    harm(pets / "cats/1.png", "WAIT")
    (tmp_path / "modules" / "test_batches.py").write_text(
        f"from pawsight.data.pixel_scale import PixelScale\n"
        f"from pawsight.data.reading.batch import Batch\nbatches = {batches_of(pets, 1)!r}\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", READING],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "modules")},
    )
    with parent:
        parent.stdout.readline()
        children = [
            Path("/proc", number)
            for path in Path(f"/proc/{parent.pid}/task").glob("*/children")
            for number in path.read_text().split()
        ]
        assert len(children) == 2
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while any(child.exists() for child in children):
        assert time.monotonic() < deadline, "a process that reads photos has outlived its parent"
        time.sleep(0.05)
