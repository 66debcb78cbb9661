"""Worker processes that train a run together: lost ones are replaced, errors are the user's."""

import json
import os
import queue
import signal

import numpy as np
import pytest

from pawsight.config import TrainConfig
from pawsight.errors import ConfigError, DataError, StoppedError, TrainingError
from pawsight.models.model_files import load_model
from pawsight.progress import Silent
from pawsight.runs import Run
from pawsight.workflow import train, worker_groups, worker_processes
from pawsight.workflow.training_worker import FAILED
from pawsight.workflow.worker_groups import Workers
from pawsight.workflow.worker_processes import Exit, LocalWorkers, Supervised

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


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"workers": 0}, "number of workers from 1"),
        ({"cluster": "auto"}, "number of workers from 1"),
        ({"workers": 3, "batch_size": 16}, "cannot be divided equally among 3 workers"),
        ({"workers": 2, "callbacks": [object()]}, "live in one process"),
        ({"workers": 60}, "some would have none"),
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
    [("2,5,GPU-8f1", ["2", "5"]), ("0", ["", ""]), ("-1", ["", ""]), ("3,-1,4", ["", ""])],
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
