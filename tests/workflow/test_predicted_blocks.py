"""Several workers write the predictions of one process; what is lost is predicted again."""

import io
import json
import multiprocessing
import os
import shutil
import signal
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import pawsight
from pawsight.data.reading.worker_process import WorkerProcess
from pawsight.errors import ConfigError, DataError, DiskError, ExtraError, StoppedError
from pawsight.inference import decode_processes
from pawsight.inference.classifier import Classifier
from pawsight.inference.drift import DriftTest
from pawsight.inference.out_of_distribution import OutOfDistributionDetector
from pawsight.inference.parquet import read_parquet
from pawsight.inference.photo_decoder import num_processes_for
from pawsight.machine import num_cpus
from pawsight.models import builtin
from pawsight.progress import Silent
from pawsight.records import Prediction
from pawsight.storage.locks import locked
from pawsight.workflow import job_processes, prediction_blocks
from pawsight.workflow.prediction_blocks import Block, BlockJob, BlockPredictor, write_listing
from pawsight.workflow.worker_processes import rebuilt

parquet = pytest.importorskip("pyarrow.parquet", reason='needs pip install "pawsight[parquet]"')


@pytest.fixture
def output(tmp_path):
    return tmp_path / "answers"


def rows_of(output):
    paths = sorted(output.glob("part-*.parquet"))
    return [row for path in paths for row in parquet.read_table(path).to_pylist()]


@pytest.mark.slow
def test_rows_equal_those_of_one_process(folder, colour_run, output, tmp_path):
    done = pawsight.predict_with_workers(folder, colour_run, output, workers=2, block_size=4)
    assert (done.path, done.num_read, done.num_failed) == (output, 9, 1)
    names = sorted(path.name for path in output.iterdir())
    parts = [f"part-00000{i}.parquet" for i in range(3)]
    assert names == [".lock", *parts, "photos.jsonl", "predictions.json"]
    one = pawsight.predict_folder(folder, colour_run, tmp_path / "one.json").path
    expected = json.loads(one.read_text())
    rows = rows_of(output)
    assert [row["path"] for row in rows] == [row["path"] for row in expected]
    for row, wanted in zip(rows, expected, strict=True):
        assert row.pop("ood_score") is None
        assert row == {
            key: pytest.approx(value, rel=1e-5) if isinstance(value, float) else value
            for key, value in wanted.items()
        }
    head = json.loads((output / "predictions.json").read_text())
    assert (head["num_listed"], head["num_read"], head["num_failed"]) == (10, 9, 1)
    assert head["is_complete"]


class Killing(Silent):
    """Kills the worker processes when the first block is done."""

    def __init__(self, kill):
        self._kill = kill
        self.notes = []

    def note(self, text):
        self.notes.append(text)

    def advance(self, done, **facts):
        if done:
            kill, self._kill = self._kill, lambda: None
            kill()


@pytest.mark.slow
def test_killed_process_is_replaced_and_its_block_predicted_again(
    folder, colour_run, output, monkeypatch
):
    started = []
    start = job_processes._Worker._start

    def recorded(self):
        start(self)
        started.append(self.process.pid)

    monkeypatch.setattr(job_processes._Worker, "_start", recorded)
    progress = Killing(lambda: os.kill(started[0], signal.SIGKILL))
    done = pawsight.predict_with_workers(
        folder, colour_run, output, workers=1, block_size=3, progress=progress
    )
    assert len(started) == 2
    assert progress.notes == [
        "Worker 1 of 1 was lost (exit code -9); another worker predicts its photos again."
    ]
    assert (done.num_read, done.num_failed) == (9, 1)
    assert len({row["path"] for row in rows_of(output)}) == len(rows_of(output)) == 10


@pytest.fixture
def in_this_process(monkeypatch):
    """Predict blocks and decode their photos here; the blocks that were predicted."""
    predicted = []
    monkeypatch.setattr(prediction_blocks, "num_processes_for", lambda photos: 0)

    def predict(job, blocks, count, lost):
        predict_block = job.worker()
        for block in blocks:
            predict_block(block)
            predicted.append(block.number)
            yield block, None

    monkeypatch.setattr("pawsight.workflow.worker_groups.run_here", predict)
    return predicted


def test_a_warning_on_the_model_is_logged_once(folder, colour_run, output, in_this_process, caplog):
    some = np.zeros((1, builtin.NUM_FEATURES))
    detector = OutOfDistributionDetector(some, some, np.ones(1), 1.0, 1.0, network="another")
    detector.save(colour_run.out_of_distribution_path)
    pawsight.predict_with_workers(folder, colour_run, output, block_size=3)
    assert [text.partition(":")[0] for text in caplog.messages] == [
        "Photos unlike the training set are not recognised"
    ]
    Classifier.load(colour_run)
    assert len(caplog.messages) == 2


def test_blocks_are_decoded_by_the_same_processes(
    folder, colour_run, output, in_this_process, monkeypatch
):
    started = []

    def start():
        started.append(WorkerProcess())
        return started[-1]

    monkeypatch.setattr(decode_processes, "WorkerProcess", start)
    monkeypatch.setattr(prediction_blocks, "num_processes_for", num_processes_for)
    pawsight.predict_with_workers(folder, colour_run, output, block_size=1)
    assert len(in_this_process) == 10
    assert 1 <= len(started) <= num_cpus()


class Counting(Silent):
    """Keeps the notes, the totals of the stages, and each step that is not 0."""

    def __init__(self):
        self.notes, self.totals, self.done = [], {}, []

    def start(self, stage, total=None, unit=""):
        self.totals[stage] = (total, unit)

    def advance(self, done, **facts):
        self.done += [done] if done else []

    def note(self, text):
        self.notes.append(text)


class Interrupting(Silent):
    """Progress of somebody who presses Ctrl-C after the first block."""

    def advance(self, done, **facts):
        if done:
            raise KeyboardInterrupt


def test_interrupted_prediction_continues_with_the_missing_blocks(
    folder, colour_run, output, in_this_process
):
    with pytest.raises(StoppedError, match="predictions of 0 photos are kept in"):
        pawsight.predict_with_workers(
            folder, colour_run, output, block_size=4, progress=Interrupting()
        )
    (output / "part-000001.parquet").unlink(missing_ok=True)
    assert in_this_process == [0]
    assert not json.loads((output / "predictions.json").read_text())["is_complete"]
    progress = Counting()
    done = pawsight.predict_with_workers(
        folder, colour_run, output, block_size=2, progress=progress
    )
    assert in_this_process == [0, 1, 2]  # in blocks of 4, as it began
    assert (done.num_read, done.num_failed) == (9, 1)
    assert progress.notes == ["Resuming after 4 photos."]
    assert progress.done == [4, 4, 2] and progress.totals["Predicting"] == (10, "photos")
    progress = Counting()
    done = pawsight.predict_with_workers(folder, colour_run, output, progress=progress)
    assert in_this_process == [0, 1, 2]
    assert (done.path, done.num_read, done.num_failed, done.drift) == (output, 9, 1, None)
    assert (progress.notes, progress.done) == ([], [10])


def test_photos_of_an_archive_have_its_name(folder, colour_run, output, tmp_path, in_this_process):
    archive = shutil.make_archive(str(tmp_path / "set"), "zip", folder)
    for _ in range(2):  # the second call compares the listings
        pawsight.predict_with_workers(archive, colour_run, output)
    paths = [row["path"] for row in rows_of(output)]
    assert paths[0] == f"{archive}/0.png" and len(paths) == 10
    assert all(path.startswith(f"{archive}/") for path in paths)


def test_other_settings_or_photos_are_refused(
    folder, colour_run, make_colour_run, output, in_this_process
):
    pawsight.predict_with_workers(folder, colour_run, output)
    with pytest.raises(ConfigError, match="was begun with another --tta"):
        pawsight.predict_with_workers(folder, colour_run, output, tta=True)
    with pytest.raises(ConfigError, match="was begun with another model"):
        pawsight.predict_with_workers(folder, make_colour_run("b", temperature=2.0), output)
    (folder / "0.png").unlink()
    with pytest.raises(ConfigError, match="another list of photos: 10, now 9, or other paths"):
        pawsight.predict_with_workers(folder, colour_run, output)


def test_folder_of_something_else_is_never_written_into(folder, colour_run, tmp_path):
    with pytest.raises(DiskError, match="is not empty, and has no earlier predictions"):
        pawsight.predict_with_workers(folder, colour_run, folder)
    with pytest.raises(DiskError, match="is a file"):
        pawsight.predict_with_workers(folder, colour_run, folder / "0.png")
    assert len(list(folder.iterdir())) == 10


@pytest.mark.parametrize("name", ["answers.csv", "answers.PARQUET", "answers.jsonl"])
def test_name_of_a_file_is_no_folder(folder, colour_run, tmp_path, name):
    with pytest.raises(ConfigError, match="such as answers, or leave --workers out"):
        pawsight.predict_with_workers(folder, colour_run, tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"workers": 0}, "from 1 to 256, not 0"), ({"block_size": 0}, "at least 1 photo, not 0")],
)
def test_numbers_out_of_range_are_refused(folder, colour_run, output, settings, message):
    with pytest.raises(ConfigError, match=message):
        pawsight.predict_with_workers(folder, colour_run, output, **settings)


def test_missing_pyarrow_names_the_extra(folder, colour_run, output, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExtraError, match=r'pip install "pawsight\[parquet\]"'):
        pawsight.predict_with_workers(folder, colour_run, output)


def test_damaged_file_is_named(folder, colour_run, output, in_this_process):
    pawsight.predict_with_workers(folder, colour_run, output)
    (output / "part-000000.parquet").write_bytes(b"PAR1 damaged PAR1")
    with pytest.raises(DataError, match=r"part-000000.parquet is damaged"):
        pawsight.predict_with_workers(folder, colour_run, output)


def test_block_that_ends_its_process_five_times_is_an_error(folder, colour_run, output):
    output.mkdir()
    (block,), _ = write_listing(output, [str(folder / "0.png")], 10)
    assert block == Block(0, 0, 1)
    predictor = BlockPredictor(BlockJob(str(output), str(colour_run.path), False, None, 4))
    (output / "part-000000.attempts").write_text("|||||")
    with pytest.raises(DataError, match="ended their process 5 times"):
        predictor.predict(block)
    (output / "part-000000.attempts").write_text("||||")
    predictor.predict(block)
    assert [row.label for row in read_parquet(block.path(output))] == ["red"]
    assert not (output / "part-000000.attempts").exists()


def test_listing_is_divided_into_blocks(tmp_path):
    photos = ["a", Prediction("b", error="missing"), "c\udcff", "d", "e"]
    blocks, listing = write_listing(tmp_path, photos, 2)
    assert [(block.number, block.num_photos) for block in blocks] == [(0, 2), (1, 2), (2, 1)]
    assert listing.num_listed == 5
    found = [photo for block in blocks for photo in block.photos(tmp_path)]
    assert found == photos


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_cluster_writes_the_same_rows(folder, colour_run, output, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray", reason='needs pip install "pawsight[cluster]"')
    monkeypatch.setenv("PYTHONPATH", ":".join(filter(None, sys.path)))
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        options = {"workers": 2, "cluster": "auto", "block_size": 3}
        done = pawsight.predict_with_workers(folder, colour_run, output, **options)
    finally:
        ray.shutdown()
    assert (done.num_read, done.num_failed) == (9, 1)
    pawsight.predict_with_workers(folder, colour_run, tmp_path / "here", block_size=3)
    assert rows_of(output) == rows_of(tmp_path / "here")


class Unwritable:
    def worker(self):
        return self.write

    def write(self, item):
        raise OSError(28, "No space left on device", item)


def test_what_a_worker_cannot_write_is_its_error_and_not_its_end(monkeypatch):
    monkeypatch.setattr(job_processes.signal, "signal", lambda *_: None)
    ours, theirs = multiprocessing.Pipe()
    worker = threading.Thread(target=job_processes._work, args=(theirs, Unwritable(), []))
    worker.start()
    for name in ("part-0.parquet", "part-1.parquet"):
        ours.send(name)
        failure, result = ours.recv()
        assert (rebuilt(*failure).args, result) == (
            (
                f"A worker cannot read or write: {name}: No space left on device.\n"
                "Check the disk and its permissions, then run the same command again.",
            ),
            None,
        )
        assert isinstance(rebuilt(*failure), DiskError)
    ours.close()
    worker.join()


def test_a_full_disk_is_named_with_the_file(colour_run, folder, output, monkeypatch):
    def full(path, *_, **__):
        raise OSError(28, "No space left on device")

    output.mkdir()
    (block,), _ = write_listing(output, [str(folder / "0.png")], 10)
    predictor = BlockPredictor(BlockJob(str(output), str(colour_run.path), False, None, 4))
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(DiskError, match=r"The disk is full: .*part-000000\.attempts"):
        predictor.predict(block)


def test_a_new_prediction_resumes_nothing_and_keeps_what_it_is_of(
    folder, colour_run, output, in_this_process
):
    output.mkdir()  # an empty folder is taken
    progress = Counting()
    pawsight.predict_with_workers(folder, colour_run, output, progress=progress)
    assert (progress.notes, progress.done) == ([], [10])
    assert in_this_process == [0]
    head = json.loads((output / "predictions.json").read_text())
    assert (head["num_listed"], head["num_read"], head["num_failed"]) == (10, 9, 1)
    assert head["is_complete"]
    assert head["settings"] == {
        "model": pawsight.load(colour_run).fingerprint,
        "tta": False,
        "max_error": None,
    }


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"kind": "another"}', {"block_size": 0}, {"kind": "another"}]
)
def test_a_damaged_head_is_named(folder, colour_run, output, in_this_process, content):
    pawsight.predict_with_workers(folder, colour_run, output)
    head = output / "predictions.json"
    if isinstance(content, dict):
        content = json.dumps(json.loads(head.read_text()) | content).encode()
    head.write_bytes(content)
    with pytest.raises(DataError, match=r"predictions\.json is damaged\.\nGive --output a new"):
        pawsight.predict_with_workers(folder, colour_run, output)


def test_a_folder_that_another_process_writes_is_refused(folder, colour_run, output):
    output.mkdir()
    with (
        locked(output / ".lock", print),
        pytest.raises(DiskError, match=f"(?s)Another process writes to {output}: process .*Wait"),
    ):
        pawsight.predict_with_workers(folder, colour_run, output)
    assert sorted(path.name for path in output.iterdir()) == [".lock"]


def test_a_folder_may_be_called_like_a_file_once_it_is_there(
    folder, colour_run, tmp_path, in_this_process
):
    output = tmp_path / "answers.csv"
    output.mkdir()
    (output / ".lock").touch()  # of a call that was killed as it began
    assert pawsight.predict_with_workers(folder, colour_run, output).path == output


def test_relative_names_are_those_of_the_current_folder(
    folder, colour_run, tmp_path, in_this_process, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    done = pawsight.predict_with_workers("photos", "run", "answers")
    assert done.path == tmp_path / "answers"
    assert rows_of(done.path)[0]["path"] == str(folder / "0.png")


def test_photos_are_listed_on_standard_input(
    folder, colour_run, output, in_this_process, monkeypatch
):
    names = f"{folder}/0.png\n{folder}/2.png\n".encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(names)))
    pawsight.predict_with_workers("-", colour_run, output)
    assert [row["path"] for row in rows_of(output)] == [f"{folder}/0.png", f"{folder}/2.png"]


@pytest.mark.parametrize("p_value", [0.001, 0.5])
def test_photos_that_differ_from_those_of_the_validation_are_noted(
    folder, colour_run, output, in_this_process, recorded, monkeypatch, p_value
):
    drift = DriftTest(9, p_value)
    monkeypatch.setattr("pawsight.inference.drift.DriftMonitor.result", lambda self: drift)
    done = pawsight.predict_with_workers(folder, colour_run, output, progress=recorded)
    assert done.drift == drift
    assert recorded.notes == ([drift.sentence()] if p_value < 0.01 else [])


def test_the_options_of_a_prediction_reach_its_blocks(
    folder, make_colour_run, output, in_this_process, monkeypatch
):
    seen = []
    predict_iter = Classifier.predict_iter

    def recorded(self, photos, batch_size, tta, decoder):
        seen.append((batch_size, tta))
        return predict_iter(self, photos, batch_size, tta, decoder)

    monkeypatch.setattr(Classifier, "predict_iter", recorded)
    run = make_colour_run("other")
    pawsight.predict_with_workers(folder, run, output, tta=True, batch_size=3, block_size=5)
    assert seen == [(3, True)] * 2
