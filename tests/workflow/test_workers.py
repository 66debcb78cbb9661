"""Worker processes that train a run together: lost ones are replaced, errors are the user's."""

import json
import os
import queue
import signal
import socket

import numpy as np
import pytest

from pawsight.config import TrainConfig
from pawsight.errors import ConfigError, DataError, PawsightError, StoppedError, TrainingError
from pawsight.models.model_files import load_model
from pawsight.progress import Silent
from pawsight.runs import Run
from pawsight.workflow import train, worker_groups, worker_processes
from pawsight.workflow.training_worker import FAILED, WorkerSpec
from pawsight.workflow.worker_groups import Workers
from pawsight.workflow.worker_processes import (
    Exit,
    LocalWorkers,
    Supervised,
    cores_of,
    free_ports,
    rebuilt,
)

pytestmark = pytest.mark.usefixtures("undrawn")


class Scripted:
    """Workers whose events are written down; each start takes the next script."""

    def __init__(self, *scripts):
        self.scripts = list(scripts)
        self.num_ended = self.num_stopped = 0

    def __call__(self, run, count):
        self.events = queue.Queue()
        for event in self.scripts.pop(0):
            if callable(event):
                event(run)
            else:
                self.events.put(event)
        return self

    def stop(self):
        self.num_stopped += 1

    def end(self):
        self.num_ended += 1


def message(**fields):
    return json.dumps(fields) + "\n"


DONE = [(0, Exit(0)), (1, Exit(0))]
LOST = [(1, Exit(-9, "Killed")), (0, Exit(1))]


def checkpoint_written(run):
    run.checkpoints_dir.mkdir(parents=True, exist_ok=True)
    path = run.checkpoints_dir / "latest.npz"
    path.write_bytes(b"")
    os.utime(path, ns=(0, checkpoint_written.time))
    checkpoint_written.time += 1


checkpoint_written.time = 1


@pytest.fixture
def empty_run(tmp_path):
    return Run(tmp_path / "run")


def test_progress_of_the_first_worker_is_passed_on(empty_run, recorded):
    events = [(0, message(note=["Plan: nothing."])), (0, "no message\n"), (0, message(start=["x"]))]
    Supervised(2, Scripted([*events, *DONE])).train(empty_run, recorded)
    assert recorded.notes == ["Plan: nothing."]


def test_lost_worker_is_replaced_and_all_are_ended(empty_run, recorded):
    start = Scripted(LOST, DONE)
    Supervised(2, start).train(empty_run, recorded)
    assert (start.scripts, start.num_ended) == ([], 2)
    assert recorded.notes == [
        "Worker 2 of 2 was lost (exit code -9: Killed); continuing from the last checkpoint."
    ]


def test_workers_that_fail_without_a_new_checkpoint_end_with_their_last_words(empty_run):
    start = Scripted(LOST, LOST, LOST, DONE)
    with pytest.raises(TrainingError, match=r"(?s)Worker 2 of 2 ended 3 times.*Killed.*resume"):
        Supervised(2, start).train(empty_run, Silent())


def test_workers_that_get_on_may_fail_any_number_of_times(empty_run):
    start = Scripted(*[[checkpoint_written, *LOST]] * 5, DONE)
    Supervised(2, start).train(empty_run, Silent())
    assert start.scripts == []


def test_error_for_the_user_is_raised_and_not_tried_again(empty_run):
    error = (0, message(error=["DataError", "12 photos can no longer be read."]))
    start = Scripted([error, (0, Exit(FAILED))], DONE)
    with pytest.raises(DataError, match="12 photos can no longer be read"):
        Supervised(2, start).train(empty_run, Silent())
    assert start.num_ended == 1


def test_stop_waits_until_the_first_worker_has_written_its_checkpoint(empty_run):
    stopped = message(error=["StoppedError", "Stopped after step 3."])
    written = []
    script = [(1, stopped), (1, Exit(FAILED)), (0, stopped), written.append, (0, Exit(FAILED))]
    with pytest.raises(StoppedError, match="after step 3"):
        Supervised(2, Scripted(script)).train(empty_run, Silent())
    assert written == [empty_run]


def test_ctrl_c_asks_the_workers_to_stop(empty_run):
    class Pressing(queue.Queue):
        is_pressed = False

        def get(self, *args, **options):
            if not self.is_pressed:
                self.is_pressed = True
                raise KeyboardInterrupt
            return super().get(*args, **options)

    start = Scripted()

    def begin(run, count):
        start.events = Pressing()
        for event in DONE:
            start.events.put(event)
        return start

    Supervised(2, begin).train(empty_run, Silent())
    assert start.num_stopped == 1


def test_failures_are_counted_anew_after_each_new_checkpoint(empty_run):
    start = Scripted(
        *([checkpoint_written, *LOST], LOST, [checkpoint_written, *LOST], LOST, DONE),
    )
    Supervised(2, start).train(empty_run, Silent())
    assert start.scripts == []


def test_two_failures_from_the_start_are_survived_and_three_are_not(empty_run):
    Supervised(2, Scripted(LOST, LOST, DONE)).train(empty_run, Silent())
    with pytest.raises(TrainingError, match="ended 3 times without a new checkpoint"):
        Supervised(2, Scripted(LOST, LOST, LOST)).train(empty_run, Silent())


def test_an_error_of_any_worker_is_raised_at_once(empty_run):
    error = (1, message(error=["DataError", "not enough memory"]))
    start = Scripted([error, (1, Exit(FAILED))])
    with pytest.raises(DataError, match="not enough memory"):
        Supervised(2, start).train(empty_run, Silent())
    with pytest.raises(DataError, match="not enough memory"):
        Supervised(2, Scripted([error, *DONE])).train(empty_run, Silent())


def test_a_worker_that_fails_without_an_error_is_lost(empty_run, recorded):
    start = Scripted([(0, Exit(FAILED)), (1, Exit(0))], DONE)
    Supervised(2, start).train(empty_run, recorded)
    assert recorded.notes == [
        f"Worker 1 of 2 was lost (exit code {FAILED}); continuing from the last checkpoint."
    ]


def test_of_several_errors_the_first_is_raised(empty_run):
    first, second = (message(error=["DataError", text]) for text in ("first", "second"))
    with pytest.raises(DataError, match="first"):
        Supervised(2, Scripted([(0, first), (0, second), *DONE])).train(empty_run, Silent())


class Recording(Silent):
    """Keeps all calls."""

    def __init__(self):
        self.calls = []

    def start(self, *facts):
        self.calls.append(("start", *facts))

    def advance(self, done, **facts):
        self.calls.append(("advance", done, facts))

    def note(self, text):
        self.calls.append(("note", text))

    def close(self):
        self.calls.append("closed")


def test_what_is_no_message_of_progress_is_passed_over(empty_run):
    lines = [
        *("[1]\n", "7\n", "{}\n", '{"note": ["a"], "start": ["b"]}\n', message(close=[])),
        message(start=["Training", 30, "photos"]),
        message(advance=[4, {"loss": 0.5}]),
    ]
    progress = Recording()
    Supervised(2, Scripted([*((0, line) for line in lines), *DONE])).train(empty_run, progress)
    assert progress.calls == [
        ("start", "Starting 2 workers"),
        ("start", "Training", 30, "photos"),
        ("advance", 4, {"loss": 0.5}),
    ]


def test_a_second_ctrl_c_ends_the_workers_at_once(empty_run):
    class Pressing(queue.Queue):
        def get(self, *args, **options):
            raise KeyboardInterrupt

    start = Scripted()

    def begin(run, count):
        start.events = Pressing()
        return start

    with pytest.raises(KeyboardInterrupt):
        Supervised(2, begin).train(empty_run, Silent())
    assert (start.num_stopped, start.num_ended) == (1, 1)


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        ("", "exit code -9"),
        ("a\nthe last \n\n", "exit code -9: the last"),
        ("a", "exit code -9: a"),
    ],
)
def test_an_exit_is_named_with_the_last_line(tail, words):
    assert str(Exit(-9, tail)) == words


@pytest.mark.parametrize(
    ("name", "expected"),
    [("DataError", DataError), ("ExtraError", PawsightError), ("NoSuchError", PawsightError)],
)
def test_an_error_of_another_process_keeps_its_kind_and_text(name, expected):
    error = rebuilt(name, "what happened")
    assert (type(error), str(error)) == (expected, "what happened")


@pytest.mark.parametrize(
    ("count", "cores"),
    [
        (1, [[1, 3, 5, 7, 9]]),
        (2, [[1, 3], [5, 7]]),
        (5, [[1], [3], [5], [7], [9]]),
        (7, [[1], [3], [5], [7], [9], [1], [3]]),
    ],
)
def test_workers_share_the_cores_equally(monkeypatch, count, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {9, 7, 5, 3, 1}, raising=False)
    monkeypatch.setattr("pawsight.machine.num_cpus", lambda: 5)
    assert [cores_of(index, count) for index in range(count)] == cores


def test_workers_have_only_the_cores_that_the_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)
    monkeypatch.setattr("pawsight.machine.num_cpus", lambda: 4)
    assert [cores_of(index, 2) for index in (0, 1)] == [[0, 1], [2, 3]]
    monkeypatch.delattr(os, "sched_getaffinity")
    assert cores_of(0, 2) == []


def test_ports_are_free_and_distinct():
    ports = free_ports(3)
    assert len(set(ports)) == 3
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


def test_a_worker_is_a_session_of_its_own_that_is_stopped_by_a_line(monkeypatch):
    program = """
import os, sys
print(os.getsid(0) == os.getpid(), os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
print(sys.stdin.readline().strip(), flush=True)
for number in range(20):
    print(f"line {number}", file=sys.stderr)
sys.exit(7)
"""
    monkeypatch.setattr(worker_processes, "_PROGRAM", program)
    worker = worker_processes.WorkerProcess(WorkerSpec("run", [], 0, [], "GPU-3"))
    lines = worker.lines()
    assert next(lines) == "True GPU-3\n"
    worker.stop()
    stopped, how = lines
    assert stopped == "stop\n"
    assert (how.code, how.tail.splitlines()) == (7, [f"line {number}" for number in range(8, 20)])
    worker.stop()  # it has ended: nothing happens
    worker.close()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"workers": 0}, r"Give --workers a number from 1 to 256, not 0\."),
        ({"cluster": "auto"}, r"Give --workers a number from 1 to 256\."),
        ({"workers": 3, "batch_size": 16}, "cannot be divided equally among 3 workers"),
        ({"workers": 2, "callbacks": [object()]}, "cannot be shared with worker processes"),
        ({"workers": 60}, "each worker needs one"),
    ],
)
def test_run_that_workers_cannot_train_is_refused(photos, tmp_path, settings, message):
    with pytest.raises(ConfigError, match=message):
        train(photos, TrainConfig(model="colab", image_size=(32, 32)), tmp_path / "run", **settings)


class KilledOnce(LocalWorkers):
    """Workers of which the second is killed after the first steps."""

    num_started = 0

    def __init__(self, run, count):
        super().__init__(run, count)
        KilledOnce.num_started += 1
        KilledOnce.second = self._processes[1]._process


class Killing(Silent):
    """Kills the second worker when the first reports a step."""

    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)

    def advance(self, done, **facts):
        if done and "loss" in facts and KilledOnce.num_started == 1:
            os.kill(KilledOnce.second.pid, signal.SIGKILL)


@pytest.mark.slow
def test_killed_worker_is_survived_and_the_run_equals_that_of_one_process(
    run, photos, tmp_path, monkeypatch
):
    monkeypatch.setattr(worker_groups, "LocalWorkers", KilledOnce)
    progress = Killing()
    config = TrainConfig(model="colab", image_size=(32, 32), epochs=2)
    found = train(photos, config, tmp_path / "run", progress, workers=2)
    assert KilledOnce.num_started == 2
    assert any("Worker 2 of 2 was lost (exit code -9" in note for note in progress.notes)
    assert found.is_complete
    pairs = zip(load_model(run).get_weights(), load_model(found).get_weights(), strict=True)
    for one, two in pairs:
        np.testing.assert_allclose(two, one, atol=0.01)  # bfloat16 has 8 bits


class Speaking(Silent):
    """Keeps the notes."""

    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


@pytest.mark.parametrize(
    ("visible", "gpus"),
    [
        ("2,5,GPU-8f1", ["2", "5"]),
        ("2,5", ["2", "5"]),
        ("0", ["", ""]),
        ("-1", ["", ""]),
        ("3,-1,4", ["", ""]),
    ],
)
def test_each_worker_has_a_gpu_where_there_are_enough(visible, gpus, empty_run, monkeypatch):
    started = []

    class Process:
        def __init__(self, spec):
            started.append((spec.index, worker_processes._environment(spec)))

        def lines(self):
            yield Exit(0)

        def end(self):
            pass

        close = end

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr(worker_processes, "WorkerProcess", Process)
    progress, group = Speaking(), Workers(2, trains=True)
    group.train(empty_run, progress)
    seen = [environment["CUDA_VISIBLE_DEVICES"] for _, environment in sorted(started)]
    assert seen == [gpu or visible for gpu in gpus]
    has_gpus = gpus[0] != ""
    assert group.speedup == (2.0 if has_gpus else 1.0)
    named = ["Each of the 2 workers has a GPU of its own: 2, 5."]
    assert progress.notes == (named if has_gpus else [])


def test_the_first_of_the_local_workers_is_stopped_and_all_are_ended(empty_run, monkeypatch):
    calls = []

    class Process:
        def __init__(self, spec):
            self.index = spec.index
            assert spec.run == str(empty_run.path.absolute())
            assert len(spec.addresses) == 3
            assert all(address.startswith("127.0.0.1:") for address in spec.addresses)

        def lines(self):
            yield f"line of {self.index}"
            yield Exit(self.index)

        def stop(self):
            calls.append(("stop", self.index))

        def end(self):
            calls.append(("end", self.index))

        def close(self):
            calls.append(("close", self.index))

    monkeypatch.setattr(worker_processes, "WorkerProcess", Process)
    workers = LocalWorkers(empty_run, 3)
    workers.stop()
    workers.end()
    assert calls == [("stop", 0), *((name, i) for name in ("end", "close") for i in range(3))]
    events = [workers.events.get_nowait() for _ in range(6)]
    for index in range(3):
        mine = [event for at, event in events if at == index]
        assert mine == [f"line of {index}", Exit(index)]
