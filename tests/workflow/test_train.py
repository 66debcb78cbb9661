import csv
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from pawsight.config import SourceConfig, SplitConfig, TrainConfig
from pawsight.errors import ConfigError, DataError, DiskError, RunError, StoppedError
from pawsight.history import load_history
from pawsight.models import builtin
from pawsight.models.model_files import load_model
from pawsight.progress import Silent
from pawsight.runs import Run
from pawsight.storage import atomic
from pawsight.workflow import resume, run_photos, train, training_runs

from ..conftest import RecordingProgress

pytestmark = pytest.mark.usefixtures("undrawn")

SMALL = TrainConfig(model="colab", image_size=(32, 32), epochs=2)


def _contents(folder):
    return {
        path.relative_to(folder): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def _weights(run):
    return load_model(run).get_weights()


@pytest.fixture(scope="module")
def again(photos, tmp_path_factory):
    """The run of `run` once more; its notes, and the photos' files before and after."""
    progress, before = RecordingProgress(), _contents(photos)
    found = train(photos, SMALL, tmp_path_factory.mktemp("again") / "run", progress)
    return SimpleNamespace(run=found, notes=progress.notes, before=before, after=_contents(photos))


def test_the_model_of_a_run_is_loaded_by_its_folder(run, tmp_path):
    for one, other in zip(_weights(run), _weights(str(run.path)), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(RunError, match="There is no run folder"):
        load_model(str(tmp_path / "gone"))


def test_a_run_folder_holds_everything_about_the_run(run):
    assert run.is_complete
    for path in (
        run.config_path,
        run.plan_path,
        run.catalog_path,
        run.split_path,
        run.history_path,
        run.log_path,
        run.report_path,
        run.model_path,
        run.weights_path,
        run.onnx_path,
        run.metrics_path,
        run.curves_path,
        run.predictions_path("validation"),
        run.predictions_path("test"),
        run.figures_dir / "accuracy.png",
        run.figures_dir / "accuracy.svg",
    ):
        assert path.stat().st_size > 0, path


def test_every_photo_is_in_one_part_and_the_broken_one_in_none(run):
    with run.split_path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len({row["path"] for row in rows}) == 80
    assert {(row["label"], row["part"]) for row in rows} == {
        (label, part) for label in ("cats", "dogs") for part in ("train", "validation", "test")
    }
    assert "cats/broken.jpg" not in {row["path"] for row in rows}


def test_a_broken_photo_is_named_with_its_reason_everywhere(run, again):
    assert any("cats/broken.jpg: " in note for note in again.notes)
    assert "cats/broken.jpg" in run.catalog_path.read_text()
    assert "broken.jpg" in run.log_path.read_text()
    assert "broken.jpg" in run.report_path.read_text()


def test_the_headline_comes_from_the_test_part(run):
    assert run.metrics["headline"] == "test"
    assert run.metrics["parts"]["test"]["n"] == run.split_path.read_text().count(",test\n")


def test_training_leaves_the_photos_as_they_were(again):
    assert len(again.before) == 82
    assert again.after == again.before


@pytest.mark.slow
def test_the_same_photos_config_and_seed_give_the_same_split_and_weights(run, again):
    assert again.run.split_path.read_bytes() == run.split_path.read_bytes()
    for one, other in zip(_weights(run), _weights(again.run), strict=True):
        np.testing.assert_array_equal(one, other)
    predictions = [one.predictions_path("test").read_bytes() for one in (run, again.run)]
    assert predictions[0] == predictions[1]


class _CtrlC(Silent):
    """Presses Ctrl-C after the first step."""

    def advance(self, done, **facts):
        if done and "loss" in facts:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.slow
def test_a_stopped_run_explains_how_to_continue_and_then_ends_with_the_same_bits(
    photos, run, tmp_path
):
    with pytest.raises(StoppedError, match=r"(?s)step 1 of \d+.*pawsight resume .*stopped"):
        train(photos, SMALL, tmp_path / "stopped", _CtrlC())
    stopped = Run.open(tmp_path / "stopped")
    assert not stopped.is_complete
    resumed = resume(tmp_path / "stopped")
    assert resumed.is_complete
    for one, other in zip(_weights(run), _weights(resumed), strict=True):
        np.testing.assert_array_equal(one, other)
    losses = [row.train_loss for row in load_history(run.history_path)]
    assert losses == [row.train_loss for row in load_history(resumed.history_path)]


def test_a_run_that_is_complete_is_not_trained_again(run, recorded):
    before = run.history_path.read_bytes()
    resume(run.path, recorded)
    assert "complete already" in recorded.notes[-1]
    assert run.history_path.read_bytes() == before


@pytest.mark.parametrize("changes", [{"builtin_sha256": "0" * 64}, {"builtin_sha256": None}])
def test_a_run_of_another_built_in_network_is_not_resumed(photos, tmp_path, monkeypatch, changes):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(training_runs, "_train_and_finish", stop)
    with pytest.raises(StoppedError):
        train(photos, TrainConfig(model="builtin"), tmp_path / "run")
    run = Run(tmp_path / "run")
    began = json.loads(run.config_path.read_text())
    assert began["working_size"] == list(builtin.IMAGE_SIZE)
    with pytest.raises(StoppedError):  # the same network: it gets as far
        resume(run.path)
    kept = {name: value for name, value in (began | changes).items() if value is not None}
    run.config_path.write_text(json.dumps(kept))
    with pytest.raises(RunError, match="the built-in network of another version of pawsight"):
        resume(run.path)


@pytest.mark.parametrize(
    ("settings", "working_size", "size"),
    [
        (TrainConfig(model="builtin"), None, (224, 224)),
        (TrainConfig(model="builtin"), (300, 200), (300, 200)),
        (TrainConfig(model="builtin", image_size=(64, 96)), None, (64, 96)),
        (TrainConfig(model="colab"), None, (150, 150)),
    ],
)
def test_photos_of_a_run_are_read_at_the_size_they_were_kept_at(
    run, monkeypatch, settings, working_size, size
):
    class ReadError(Exception):
        pass

    def read(catalog, config, progress, group):
        raise ReadError(config.image_size)

    began = run.load_config()
    kept = began.model_copy(update={"settings": settings, "working_size": working_size})
    monkeypatch.setattr(Run, "load_config", lambda self: kept)
    monkeypatch.setattr(run_photos, "read_photos", read)
    with pytest.raises(ReadError) as found:
        run_photos.photos_of(run, Silent())
    assert found.value.args == (size,)
    with pytest.raises(ReadError) as found:
        run_photos.photos_of(run, Silent(), image_size=(7, 8))
    assert found.value.args == ((7, 8),)


@pytest.mark.slow
def test_a_run_is_not_resumed_on_other_photos(photos, tmp_path):
    import shutil

    copy = tmp_path / "pets"
    shutil.copytree(photos, copy)
    with pytest.raises(StoppedError):
        train(copy, SMALL, tmp_path / "run", _CtrlC())
    copy.rename(tmp_path / "pets2")
    with pytest.raises(DataError, match=r"are no longer in .*pets\.\nBring them back"):
        resume(tmp_path / "run")
    (tmp_path / "pets2").rename(copy)
    next((copy / "cats").glob("cat*")).unlink()
    with pytest.raises(DataError, match=r"not those that .* began with"):
        resume(tmp_path / "run")


def test_two_runs_never_overwrite_each_other(photos, run):
    before = _contents(run.path)
    with pytest.raises(RunError, match="is not empty"):
        train(photos, SMALL, run.path)
    assert _contents(run.path) == before


def test_a_class_of_one_photo_is_named(photos, tmp_path):
    import shutil

    copy = tmp_path / "pets"
    shutil.copytree(photos, copy)
    for photo in sorted((copy / "dogs").glob("dog*"))[1:]:
        photo.unlink()
    with pytest.raises(DataError, match="Class 'dogs' has 1 photo"):
        train(copy, SMALL, tmp_path / "run")


_KILLED = """
import os, sys
import pawsight
from pawsight.workflow import training_runs


def killed(*args):
    os.kill(os.getpid(), 9)


place, name = sys.argv[1].split(".")
setattr({"Catalog": training_runs.Catalog, "training_runs": training_runs}[place], name, killed)
config = pawsight.TrainConfig(model="colab", image_size=(32, 32), epochs=1)
pawsight.train(sys.argv[2], config, sys.argv[3])
"""


def _kill_at(function, photos, out):
    done = subprocess.run([sys.executable, "-c", _KILLED, function, photos, out], check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_run_killed_while_it_begins_has_not_begun(photos, tmp_path):
    _kill_at("Catalog.save", photos, tmp_path / "run")  # config.json would be next
    assert not (tmp_path / "run").exists()
    with pytest.raises(RunError, match="There is no run folder"):
        resume(tmp_path / "run")
    assert train(photos, SMALL.model_copy(update={"epochs": 1}), tmp_path / "run").is_complete
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.slow
def test_a_run_killed_once_it_has_begun_can_be_resumed(photos, tmp_path):
    _kill_at("training_runs._train_and_finish", photos, tmp_path / "run")
    assert resume(tmp_path / "run").is_complete


@pytest.mark.slow
def test_a_damaged_last_checkpoint_costs_a_few_steps_and_no_bit(photos, run, tmp_path, recorded):
    class Stops(Silent):
        left = 2

        def advance(self, done, **facts):
            self.left -= bool(done and "loss" in facts)
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(StoppedError):
        train(photos, SMALL, tmp_path / "run", _CtrlC())
    with pytest.raises(StoppedError):
        resume(tmp_path / "run", Stops())
    latest = tmp_path / "run" / "checkpoints" / "latest.npz"
    latest.write_bytes(latest.read_bytes()[:1000])
    resumed = resume(tmp_path / "run", recorded)
    assert any(
        "resuming from the previous checkpoint, after step" in note for note in recorded.notes
    )
    for one, other in zip(_weights(run), _weights(resumed), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_a_disk_that_is_full_at_any_step_of_resume_costs_no_bit(run, tmp_path, monkeypatch):
    unfinished = Run(shutil.copytree(run.path, tmp_path / "run"))
    unfinished.state_path.write_text('{"stage": "training"}')
    written = [unfinished.onnx_path, unfinished.report_path]
    for path in written:
        path.unlink()
    flush = atomic.flush

    def is_full_for(name):
        def fail(path):
            if path.name.endswith(f"-{name}"):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            flush(path)

        return fail

    for path in written:
        monkeypatch.setattr(atomic, "flush", is_full_for(path.name))
        with pytest.raises(DiskError, match=rf"^The disk is full: .*{path.name} could not"):
            resume(unfinished)
        assert not path.exists()
    monkeypatch.setattr(atomic, "flush", flush)
    assert resume(unfinished).is_complete
    for path in (run.onnx_path, run.predictions_path("test"), run.metrics_path):
        assert (unfinished.path / path.relative_to(run.path)).read_bytes() == path.read_bytes()
    assert not list(unfinished.path.rglob(".pawsight-*"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "resnet"}, "no model 'resnet'"),
        ({"model": "swift", "finetune": True}, "'swift' cannot be fine-tuned"),
        ({"model": "mobilenetv2", "weights": "absent.h5"}, "no weights file"),
    ],
)
def test_an_unsuitable_model_is_reported_before_anything_is_read_or_made(
    photos, tmp_path, recorded, settings, message
):
    with pytest.raises(ConfigError, match=message):
        train(photos, TrainConfig(**settings), tmp_path / "run", recorded)
    assert not (tmp_path / "run").exists()
    assert not recorded.notes


def test_one_class_by_the_option_is_no_fault_of_the_folders(photos, tmp_path):
    one = SourceConfig(classes=("cats",))
    message = r"only one class, 'cats'.*\nName two or more classes with --classes"
    with pytest.raises(DataError, match=message):
        train(photos, TrainConfig(source=one), tmp_path / "run")


@pytest.mark.slow
@pytest.mark.usefixtures("small_swift")
def test_a_budget_in_minutes_makes_a_plan_that_fits(photos, tmp_path):
    config = TrainConfig(
        model="swift", image_size=(32, 32), minutes=0.1, split=SplitConfig(test_fraction=0)
    )
    run = train(photos, config, tmp_path / "run")
    assert run.is_complete
    assert run.metrics["headline"] == "validation"
    seconds = load_history(run.history_path)[-1].seconds
    assert seconds < 60  # ten times the budget: the machine may be busy, the plan may not ignore it
