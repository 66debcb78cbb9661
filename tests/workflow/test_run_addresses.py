"""Runs whose folder is in a cloud store: trained, killed, resumed and used by their address."""

import csv
import hashlib
import io
import json
import time

import numpy as np
import pytest

from pawsight import workflow
from pawsight.cli.main import app
from pawsight.config import TrainConfig
from pawsight.data.cache_contents import clear_cache
from pawsight.data.catalog import Catalog
from pawsight.data.splitting.saved_split import parts_found
from pawsight.errors import RunError
from pawsight.progress import Silent
from pawsight.runs import Run, check_new
from pawsight.storage import atomic, download
from pawsight.storage.download import DownloadError
from pawsight.storage.stores import remote_lock
from pawsight.storage.stores.remote_folder import RemoteFolder
from pawsight.storage.stores.remote_lock import RemoteLock
from pawsight.workflow import uploaded_runs

from ..s3_server import bucket_of, serving, sign_in

pytest.importorskip("s3fs")
keras = pytest.importorskip("keras")
pytestmark = pytest.mark.usefixtures("undrawn")
ADDRESS = "s3://bucket/runs/pets"
CONFIG = TrainConfig(model="colab", image_size=(32, 32), epochs=2)  # of the fixture `run`


@pytest.fixture(scope="module")
def url():
    with serving() as url:
        yield url


@pytest.fixture
def bucket(url, monkeypatch, tmp_path):
    """An empty bucket, and an empty cache."""
    sign_in(monkeypatch, url)
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "jittered", lambda _: 0.0)
    monkeypatch.setattr(uploaded_runs, "_CHECK_SECONDS", 0.05)
    monkeypatch.setattr(uploaded_runs, "_MIN_SECONDS", 0.0)
    with bucket_of(url, "bucket") as client:
        yield client


class _AwaitsCopy(keras.callbacks.Callback):
    """Ends the second epoch only once the checkpoint after the first is at the address."""

    def __init__(self, puts):
        super().__init__()
        self._puts = puts

    def on_epoch_end(self, epoch, logs=None):
        until = time.monotonic() + 60
        while epoch == 1 and time.monotonic() < until:
            if any(name.endswith("latest.npz") for name, _ in self._puts):
                return
            time.sleep(0.05)


@pytest.fixture(scope="module")
def trained(url, photos, tmp_path_factory):
    """What was put while a run was trained at an address: names and contents, in their order."""
    with pytest.MonkeyPatch.context() as patch:
        sign_in(patch, url)
        patch.setattr("pawsight.report.page._draw", lambda facts: {})
        patch.setenv("PAWSIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(uploaded_runs, "_CHECK_SECONDS", 0.05)
        patch.setattr(uploaded_runs, "_MIN_SECONDS", 0.0)
        puts, put = [], RemoteFolder.put

        def record(folder, path, name):
            puts.append((name, path.read_bytes()))
            return put(folder, path, name)

        patch.setattr(RemoteFolder, "put", record)
        with bucket_of(url, "bucket") as client:
            callbacks = [_AwaitsCopy(puts)]
            run = workflow.train(photos, CONFIG, ADDRESS, callbacks=callbacks)
            assert (run.place, Run.open(run.path).place) == (ADDRESS, ADDRESS)
            assert Run.open(run) is run  # it may know a password of the address
            found = client.list_objects_v2(Bucket="bucket")["Contents"]
        local = {
            f"runs/pets/{path.relative_to(run.path).as_posix()}"
            for path in run.path.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }
        assert {one["Key"] for one in found} == local  # all of it, and no lock
        return [one for one in puts if one[0] != "training.json"]


def after(trained, count):
    """Return the files at the address after so many puts."""
    return dict(trained[:count])


def fill(bucket, files):
    for name, content in files.items():
        bucket.put_object(Bucket="bucket", Key=f"runs/pets/{name}", Body=content)


def assert_same_weights(checkpoint, run):
    with (
        np.load(io.BytesIO(checkpoint)) as found,
        np.load(run.checkpoints_dir / "latest.npz") as expected,
    ):
        names = [name for name in expected.files if name != "facts"]  # which have times
        assert len(names) > 20
        assert all(found[name].tobytes() == expected[name].tobytes() for name in names)


def content(bucket, name):
    return bucket.get_object(Bucket="bucket", Key=f"runs/pets/{name}")["Body"].read()


def test_a_run_at_an_address_has_the_weights_of_a_local_one(trained, run):
    files = after(trained, None)
    assert_same_weights(files["checkpoints/latest.npz"], run)
    assert json.loads(files["state.json"])["stage"] == "complete"
    assert "s3://" not in files["config.json"].decode()


def test_after_each_put_the_address_holds_a_run_that_can_go_on(trained):
    names = [name for name, _ in trained]
    assert names.index("config.json") < names.index("checkpoints/latest.npz") < len(names) - 1
    assert names[-1] == "state.json"
    for count in range(names.index("config.json") + 1, len(trained) + 1):
        files = after(trained, count)
        assert {"config.json", "catalog.csv", "split.csv"} <= files.keys()
        if "checkpoints/latest.npz" in files:
            with np.load(io.BytesIO(files["checkpoints/latest.npz"])) as checkpoint:
                step = json.loads(str(checkpoint["facts"]))["step"]
            history = csv.DictReader(io.StringIO(files["history.csv"].decode()))
            assert max(int(row["step"]) for row in history) >= step
        if json.loads(files.get("state.json", b"{}")).get("stage") == "complete":
            checksums = json.loads(files["checksums.json"])["sha256"]
            assert checksums == {n: hashlib.sha256(files[n]).hexdigest() for n in checksums}


def test_another_machine_resumes_with_the_same_weights(bucket, trained, run, recorded):
    count = [name for name, _ in trained].index("checkpoints/latest.npz") + 1
    fill(bucket, after(trained, count))
    resumed = workflow.resume(ADDRESS, recorded)
    assert resumed.is_complete
    assert_same_weights(content(bucket, "checkpoints/latest.npz"), run)
    with run.predictions_path("test").open("rb") as file:
        assert content(bucket, "evaluation/predictions-test.csv") == file.read()
    assert json.loads(content(bucket, "state.json"))["stage"] == "complete"
    assert workflow.verify(ADDRESS).holds


def test_commands_take_the_address_and_copy_back_what_they_change(
    bucket, trained, photos, capsys, tmp_path
):
    fill(bucket, after(trained, None))
    photo = next((photos / "cats").glob("cat*.jpg"))
    assert workflow.load(ADDRESS).class_names == ("cats", "dogs")
    assert not list((tmp_path / "cache").rglob("latest.npz"))  # needed to resume only
    for line in (
        ["predict", str(photo), "--model", ADDRESS],
        ["report", ADDRESS],
        ["verify", ADDRESS],
        ["compare", ADDRESS, ADDRESS],
        ["runs", "s3://bucket/runs", "--json"],
    ):
        with pytest.raises(SystemExit, match="0"):
            app(line)
    text = capsys.readouterr().out
    assert "cats" in text
    assert f"The run {ADDRESS} holds." in text
    assert f"{ADDRESS} and {ADDRESS}" in " ".join(text.split())
    assert json.loads(text[text.index("[\n") :])[0]["path"] == ADDRESS
    workflow.evaluate(ADDRESS, photos)
    assert b"accuracy" in content(bucket, "evaluation/pets/metrics.json")
    assert [one.address for one in workflow.compare([ADDRESS, ADDRESS]).runs] == [ADDRESS] * 2
    assert workflow.verify(ADDRESS).holds
    run = Run.open(ADDRESS)
    catalog = Catalog.load(run.catalog_path, run.path)
    parts = {index: catalog.photos[index].part for index in catalog.usable.tolist()}
    assert parts_found(ADDRESS, catalog) == parts
    assert set(parts.values()) == {"train", "validation", "test"}


def test_an_address_that_holds_a_run_is_refused_before_photos_are_read(bucket, trained, photos):
    fill(bucket, after(trained, 5))
    with pytest.raises(RunError, match=rf"{ADDRESS} is not empty(?s:.*)pawsight resume {ADDRESS}"):
        workflow.train(photos, CONFIG, ADDRESS)


def test_an_address_that_cannot_be_written_is_refused_before_photos_are_read(bucket):
    with pytest.raises(RunError, match=r"s3://nobucket/runs/pets cannot be written: .* not exist"):
        check_new("s3://nobucket/runs/pets")
    check_new(ADDRESS)
    assert "Contents" not in bucket.list_objects_v2(Bucket="bucket")


def test_a_new_run_that_was_interrupted_before_it_was_one_is_begun_again(bucket, trained):
    fill(bucket, {**after(trained, 1), "training.json": b"{}"})
    check_new(ADDRESS)
    fill(bucket, {"holiday.jpg": b"photo"})
    with pytest.raises(RunError, match="is not empty"):
        check_new(ADDRESS)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Run.open(ADDRESS), "There is no run at s3://bucket/runs/pets"),
        (lambda: Run.open("https://u:pw@host/run"), r"A run cannot be at https://\*\*\*@host/run"),
        (lambda: workflow.cross_validate("x", out=ADDRESS), "Give --out a folder"),
    ],
)
@pytest.mark.usefixtures("bucket")
def test_places_that_hold_no_run_are_named(call, message):
    with pytest.raises(RunError, match=message):
        call()


@pytest.fixture
def small(bucket):
    """A run at the address of files that say nothing, and its working folder here."""
    fill(bucket, {"config.json": b"{}", "plan.json": b"1", "checkpoints/latest.npz": b"1"})
    return Run.open(ADDRESS, is_whole=True)


def _checkpoint(run, text):
    (run.path / "plan.json").write_text(text)
    (run.path / "checkpoints" / "latest.npz").write_text(text)


def _until(holds):
    until = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_copy_that_fails_is_noted_and_made_after_the_next_checkpoint(
    small, bucket, recorded, monkeypatch
):
    put, failures, stages = RemoteFolder.put, [], []
    monkeypatch.setattr(recorded, "start", lambda stage, *_: stages.append(stage))

    def fail_once(folder, path, name):
        if name == "plan.json" and not failures:
            failures.append(name)
            raise DownloadError("the network is gone")
        return put(folder, path, name)

    with small.locked(), uploaded_runs.uploaded(small, recorded) as progress:
        monkeypatch.setattr(RemoteFolder, "put", fail_once)
        _checkpoint(small, "20")
        _until(lambda: failures)
        _checkpoint(small, "300")
        _until(lambda: content(bucket, "checkpoints/latest.npz") == b"300")
        progress.advance(1)
    assert any("was not copied" in note and "network is gone" in note for note in recorded.notes)
    assert content(bucket, "plan.json") == b"300"
    assert stages == [f"Copying the run to {small.place}"]


def test_a_network_that_stays_away_leaves_the_run_here_and_names_the_command(
    small, bucket, monkeypatch
):
    def fail(*_):
        raise DownloadError("the network is gone")

    put = RemoteFolder.put
    with (
        pytest.raises(RunError, match=rf"network is gone(?s:.*){small.path}.*resume {ADDRESS}"),
        small.locked(),
        uploaded_runs.uploaded(small, Silent()),
    ):
        monkeypatch.setattr(RemoteFolder, "put", fail)
        _checkpoint(small, "20")
    assert content(bucket, "plan.json") == b"1"
    assert "not all of it is at" in clear_cache(["all"])[0].problem
    monkeypatch.setattr(RemoteFolder, "put", put)
    Run.open(ADDRESS).publish()
    assert content(bucket, "plan.json") == b"20"


def test_what_takes_long_to_fetch_is_noted_once(bucket, caplog):
    fill(bucket, {"config.json": b"{}", "model/model.onnx": bytes(12_000_000)})
    Run.open(ADDRESS)
    Run.open(ADDRESS)
    assert caplog.messages.count(f"Fetching 12 MB from {ADDRESS}.") == 1


def test_what_another_machine_changed_counts_and_what_was_not_copied_is_kept_aside(
    small, bucket, caplog
):
    _checkpoint(small, "here")
    fill(bucket, {"plan.json": b"there", "history.csv": b"there"})
    opened = Run.open(ADDRESS)
    assert opened.plan_path.read_text() == "there"
    assert opened.history_path.read_text() == "there"
    aside = opened.path.with_name("pets.replaced")
    assert (aside / "plan.json").read_text() == "here"
    assert str(aside) in caplog.text


def test_the_copies_of_a_process_that_was_killed_while_copying_are_removed(small):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(atomic.os, "getpid", lambda: 2**22 + 1)  # above all of Linux
        left = atomic.temporary_path(small.path)
    left.mkdir()
    small.publish()
    assert not left.exists()


def test_names_that_lead_out_of_the_folder_are_not_fetched(small, bucket):
    fill(bucket, {"../../outside.txt": b"x", ".lock": b"x", "a/../../b.txt": b"x"})
    opened = Run.open(ADDRESS)
    found = {path.name for path in opened.path.parents[2].rglob("*.txt")}
    assert found == set()


def test_a_run_that_another_machine_trains_is_refused(small, monkeypatch):
    monkeypatch.setattr(remote_lock, "_RENEW_SECONDS", 0.05)
    monkeypatch.setattr(remote_lock, "_ENDED_SECONDS", 3.0)
    monkeypatch.setattr(remote_lock.socket, "gethostname", lambda: "nebula")
    with RemoteLock(RemoteFolder(ADDRESS), "training.json", print).held(print):
        monkeypatch.setattr(remote_lock.socket, "gethostname", lambda: "here")
        with (
            pytest.raises(RunError, match=r"is being trained by process \d+ on nebula"),
            uploaded_runs.uploaded(small, Silent()),
        ):
            pass


def test_a_lock_that_is_no_longer_renewed_is_taken_after_a_wait(small, recorded, monkeypatch):
    monkeypatch.setattr(remote_lock, "_ENDED_SECONDS", 0.3)
    lost = []
    monkeypatch.setattr(remote_lock.socket, "gethostname", lambda: "nebula")
    first = RemoteLock(RemoteFolder(ADDRESS), "training.json", lambda: lost.append(1))
    first._write()  # and killed
    monkeypatch.setattr(remote_lock.socket, "gethostname", lambda: "here")
    with uploaded_runs.uploaded(small, recorded):
        assert "waiting up to" in recorded.notes[0]
        with pytest.raises(RunError, match="trained by process"):
            first.check()
