"""What a report states arrives in TensorBoard and MLflow.

With the real libraries where they are installed, and with recorders of their calls everywhere.
"""

import math
import os
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from pawsight.errors import ConfigError, DiskError, ExtraError, PawsightError, RunError
from pawsight.history import save_history
from pawsight.report import tracking
from pawsight.report.contents import Contents
from pawsight.report.page import write_report
from pawsight.report.summary import summarise
from pawsight.report.tracking import Scalar, log_report, scalars
from pawsight.storage.atomic import write_json

SECRET = "hunter2secret"


@pytest.fixture(scope="module")
def run(make_run):
    """A run of three validations; one of the eight test photos is wrong, a cat."""
    run = make_run()
    config = run.read_json(run.config_path)
    config["source"] = f"https://ann:{SECRET}@example.org/pets.zip?token={SECRET}"
    write_json(run.config_path, config)
    write_report(run)
    return run


@pytest.fixture(scope="module")
def numbers(run):
    facts = Contents.load(run)
    return scalars(facts.history, summarise(facts))


def test_each_validation_is_logged_at_its_training_step(numbers):
    accuracies = [one for one in numbers if (one.group, one.name) == ("validation", "accuracy")]
    assert [(one.step, one.value) for one in accuracies] == [(10, 0.6), (20, 0.9), (30, 0.8)]
    assert Scalar("train", "learning_rate", 0.01, 10) in numbers


def test_final_scores_are_logged_at_the_last_step(numbers):
    assert Scalar("report", "accuracy", 7 / 8, 30) in numbers
    assert Scalar("report", "recall/cats", 3 / 4, 30) in numbers
    # All three photos called a cat were cats, and four of five photos called a dog were dogs.
    assert Scalar("report", "precision/cats", 1.0, 30) in numbers
    assert Scalar("report", "precision/dogs", 4 / 5, 30) in numbers


@pytest.mark.parametrize("target", ["", "wandb:x", "tensorboard", "tensorboard:"])
def test_another_target_is_refused(run, target):
    with pytest.raises(ConfigError, match=r"tensorboard:DIR or mlflow:URI"):
        log_report(run, target)


def test_password_of_a_refused_target_is_hidden(run):
    with pytest.raises(ConfigError) as raised:
        log_report(run, f"https://ann:{SECRET}@example.org")
    assert SECRET not in str(raised.value)


def test_a_run_without_a_report_names_the_command_that_writes_it(make_run, tmp_path):
    with pytest.raises(RunError, match="pawsight report"):
        log_report(make_run(is_short=True), f"tensorboard:{tmp_path}")


@pytest.mark.parametrize(
    ("target", "package", "extra"),
    [("tensorboard:logs", "tensorboardX", "tensorboard"), ("mlflow", "mlflow", "mlflow")],
)
def test_missing_library_names_the_extra(run, monkeypatch, target, package, extra):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ExtraError, match=rf"pawsight\[{extra}\]"):
        log_report(run, target)


def need(*packages):
    """Skip where the extra is not installed."""
    for package in packages:
        extra = "mlflow" if package == "mlflow" else "tensorboard"
        pytest.importorskip(package, reason=f'needs pip install "pawsight[{extra}]"')


def opened(folder):
    """What TensorBoard itself reads of a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder))
    found.Reload()
    return found


def test_tensorboard_reads_curves_scores_text_and_figures(run, tmp_path):
    need("tensorboardX", "tensorboard")
    folder = Path(log_report(run, f"tensorboard:{tmp_path}"))
    assert folder == tmp_path / "my run"
    losses = opened(folder / "validation").Scalars("accuracy")
    assert [(one.step, pytest.approx(one.value)) for one in losses] == [
        (10, 0.6),
        (20, 0.9),
        (30, 0.8),
    ]
    report = opened(folder / "report")
    assert report.Scalars("recall/cats")[0].value == 0.75
    assert set(report.Tags()["images"]) >= {"accuracy", "confusion", "reliability"}
    text = report.Tensors("report/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "Right on 87.5 %" in text


def test_logging_again_replaces_what_tensorboard_shows(run, tmp_path, monkeypatch):
    need("tensorboardX", "tensorboard")
    log_report(run, f"tensorboard:{tmp_path}")
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 5)  # the second names the file
    folder = log_report(run, f"tensorboard:{tmp_path}")
    assert len(list(Path(folder, "train").iterdir())) == 2
    assert len(opened(Path(folder, "train")).Scalars("loss")) == 3


def test_a_folder_that_cannot_be_made_is_named(run, tmp_path):
    need("tensorboardX")
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(DiskError, match="logs"):
        log_report(run, f"tensorboard:{tmp_path / 'logs'}")


@pytest.fixture
def mlflow_client(tmp_path, monkeypatch):
    """MLflow with its files in a folder: a database or server needs more than the extra."""
    need("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    for name in tracking._MLFLOW_DEFAULTS:  # set by the code, and restored afterwards
        monkeypatch.setenv(name, os.environ.get(name, "1"))
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=str(tmp_path / "mlruns"))


def test_mlflow_has_metrics_settings_summary_and_pages(run, tmp_path, mlflow_client, capsys):
    place = log_report(run, f"mlflow:{tmp_path / 'mlruns'}")
    assert capsys.readouterr() == ("", "")
    (experiment,) = mlflow_client.search_experiments(filter_string="name = 'my photos'")
    (made,) = mlflow_client.search_runs([experiment.experiment_id])
    assert place == f"experiment my photos, run {made.info.run_id}"
    assert (made.info.run_name, made.info.status) == ("my run", "FINISHED")
    assert made.data.metrics["report/accuracy"] == 7 / 8
    assert math.isclose(made.data.metrics["report/precision/dogs"], 0.8)
    steps = mlflow_client.get_metric_history(made.info.run_id, "validation/accuracy")
    assert [(one.step, one.value) for one in steps] == [(10, 0.6), (20, 0.9), (30, 0.8)]
    assert made.data.params["model"] == "swift"
    assert "Right on 87.5 %" in made.data.tags["mlflow.note.content"]
    kept = {one.path for one in mlflow_client.list_artifacts(made.info.run_id)}
    assert kept == {"report.html", "report.json", "figures"}


def test_no_password_of_the_photos_is_logged(run, tmp_path, mlflow_client):
    log_report(run, f"mlflow:{tmp_path / 'mlruns'}")
    logged = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in logged if path.name == "photos"]
    named = [path for path in logged if path.name != "report.html"]
    assert not [path for path in named if SECRET.encode() in path.read_bytes()]


def test_a_database_names_the_package_it_needs(run, mlflow_client):
    with pytest.raises(PawsightError, match="pip install mlflow"):
        log_report(run, "mlflow:unknown://x")


def test_a_server_that_does_not_answer_is_named_without_its_password(run, mlflow_client):
    with pytest.raises(PawsightError) as raised:
        log_report(run, f"mlflow:http://ann:{SECRET}@127.0.0.1:9")
    assert "http://***@127.0.0.1:9" in str(raised.value)
    assert SECRET not in str(raised.value)


def scalar_values(found, group):
    return [(one.name, one.value, one.step) for one in found if one.group == group]


def test_scores_after_training_are_no_validation_and_other_scores_have_their_names(run):
    facts = Contents.load(run)
    first, second, third = facts.history
    rows = [
        replace(first, validation_balanced_accuracy=0.55, own_metrics={"top_2": 0.99}),
        second,
        replace(third, is_average=True),
    ]
    found = scalars(rows, summarise(facts))
    assert scalar_values(found, "validation") == [
        *(("loss", 1.0, 10), ("accuracy", 0.6, 10), ("top_2", 0.99, 10)),
        *(("balanced_accuracy", 0.55, 10), ("loss", 1.0, 20), ("accuracy", 0.9, 20)),
    ]
    assert {step for _, _, step in scalar_values(found, "report")} == {30}


def test_without_a_history_scores_are_of_step_0_and_undefined_ones_are_left_out(run):
    summary = summarise(Contents.load(run))
    cats = summary.classes["cats"].model_copy(update={"precision": None})
    found = scalars([], summary.model_copy(update={"classes": {"cats": cats}}))
    names = {name for name, _, _ in scalar_values(found, "report")}
    assert "recall/cats" in names and "precision/cats" not in names
    assert {one.step for one in found} == {0}


@pytest.fixture
def writers(monkeypatch):
    """What is written with tensorboardX: the calls by folder."""
    calls = {}

    class SummaryWriter:
        def __init__(self, folder, purge_step):
            assert purge_step == 0  # whatever an earlier call logged is replaced
            self.calls = calls.setdefault(Path(folder), [])

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.calls.append("closed")

        def add_scalar(self, name, value, step):
            self.calls.append((name, value, step))

        def add_text(self, name, text):
            self.calls.append((name, text))

        def add_image(self, name, pixels, dataformats):
            assert dataformats == "HWC" and pixels.shape[2] == 3
            self.calls.append((name, pixels.shape[1] > pixels.shape[0]))

    module = ModuleType("tensorboardX")
    module.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "tensorboardX", module)
    return calls


def test_tensorboard_has_a_folder_of_each_group_and_the_summary_in_one(run, tmp_path, writers):
    folder = tmp_path / "my run"
    assert log_report(run, f"tensorboard:{tmp_path}") == str(folder)
    assert set(writers) == {folder / "train", folder / "validation", folder / "report"}
    assert all(calls[-1] == "closed" for calls in writers.values())
    accuracies = [call[1:] for call in writers[folder / "validation"] if call[0] == "accuracy"]
    assert accuracies == [(0.6, 10), (0.9, 20), (0.8, 30)]
    assert len(writers[folder / "train"]) == 3 * 3 + 1
    report = {call[0]: call[1] for call in writers[folder / "report"]}
    assert report["recall/cats"] == 3 / 4
    assert report["report"].startswith("**Right on 87.5 %")
    assert "\nNext steps:\n\n- " in report["report"]
    head, line, *rows = report["settings"].splitlines()
    assert (head, line) == ("| setting | value |", "|---|---|")
    assert "| photos | https://***@example.org/pets.zip?" in rows[0] and SECRET not in rows[0]
    assert "| model | swift |" in rows
    assert report["accuracy"] and not report["confusion"]  # the latter is square


@pytest.fixture
def recorded_mlflow(monkeypatch):
    """MLflow as far as it is used; what its client is called with."""
    calls = SimpleNamespace(metrics=[], params={}, artifacts=[], ended=[], batches=[], made=[])
    calls.address, calls.known, calls.failure = "", {}, None

    class RefusedError(Exception):
        pass

    class MlflowClient:
        def __init__(self, tracking_uri):
            if calls.failure:
                raise RefusedError(calls.failure)
            calls.given = tracking_uri
            self.tracking_uri = calls.address or tracking_uri

        def get_experiment_by_name(self, name):
            found = calls.known.get(name)
            return found and SimpleNamespace(experiment_id=found)

        def create_experiment(self, name):
            calls.made.append(name)
            return "new"

        def create_run(self, experiment, tags, run_name):
            calls.run = (experiment, run_name, tags)
            return SimpleNamespace(info=SimpleNamespace(run_id="r1"))

        def log_batch(self, run_id, metrics=(), params=()):
            calls.batches.append(len(metrics))
            calls.metrics += metrics
            calls.params |= dict(params)

        def log_artifact(self, run_id, path, folder=None):
            assert Path(path).is_file()
            calls.artifacts.append((folder, Path(path).name))
            if calls.full:
                raise OSError(28, "No space left on device")

        def set_terminated(self, run_id, status="FINISHED"):
            calls.ended.append((run_id, status))

    calls.full = False
    package, entities, exceptions = map(
        ModuleType, ("mlflow", "mlflow.entities", "mlflow.exceptions")
    )
    package.MlflowClient, exceptions.MlflowException = MlflowClient, RefusedError
    entities.Metric = lambda key, value, timestamp, step: (key, value, timestamp, step)
    entities.Param = lambda key, value: (key, value)
    for module in (package, entities, exceptions):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    for name in ("MLFLOW_EXPERIMENT_NAME", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    for name in tracking._MLFLOW_DEFAULTS:  # set by the code, and restored afterwards
        monkeypatch.setenv(name, os.environ.get(name, "1"))
    return calls


def test_mlflow_gets_numbers_settings_and_files(run, recorded_mlflow):
    began = time.time()
    assert log_report(run, "mlflow:runs") == "experiment my photos, run r1"
    calls = recorded_mlflow
    assert (calls.given, calls.made, calls.ended) == ("runs", ["my photos"], [("r1", "FINISHED")])
    experiment, name, tags = calls.run
    assert (experiment, name, tags["pawsight.part"]) == ("new", "my run", "test")
    assert tags["mlflow.note.content"].startswith("**Right on 87.5 %")
    values = {(key, step): value for key, value, _, step in calls.metrics}
    assert values["validation/accuracy", 20] == 0.9
    assert values["report/precision/dogs", 30] == 0.8
    for _, _, timestamp, _ in calls.metrics:  # in milliseconds
        assert began - 1 < timestamp / 1000 < time.time() + 1
    assert calls.params["model"] == "swift"
    assert {(None, "report.html"), (None, "report.json")} <= set(calls.artifacts)
    assert ("figures", "confusion.png") in calls.artifacts


def test_mlflow_alone_uses_its_own_settings_and_experiment(run, recorded_mlflow, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "pets")
    recorded_mlflow.known, recorded_mlflow.address = {"pets": "7"}, f"http://a:{SECRET}@host:5000/"
    assert log_report(run, "mlflow") == "http://***@host:5000/#/experiments/7/runs/r1"
    assert (recorded_mlflow.given, recorded_mlflow.made) == (None, [])


def test_mlflow_gets_at_most_a_thousand_numbers_at_once_and_names_that_it_takes(
    make_run, recorded_mlflow, make_history, undrawn
):
    run = make_run(class_names=("big, cats", "dogs"))
    save_history(make_history([0.5] * 300), run.history_path)
    config = run.read_json(run.config_path)
    write_json(run.config_path, config | {"source": "https://example.org/" + "a" * 600})
    write_report(run)
    log_report(run, "mlflow:runs")
    assert [size for size in recorded_mlflow.batches if size] == [
        1000,
        len(recorded_mlflow.metrics) - 1000,
    ]
    each = Counter((key, step) for key, _, _, step in recorded_mlflow.metrics)
    assert set(each.values()) == {1}
    assert ("report/recall/big_ cats", 3000) in each
    assert recorded_mlflow.params["photos"] == "https://example.org/" + "a" * 480


def test_what_mlflow_could_not_take_is_a_failed_run(run, recorded_mlflow):
    recorded_mlflow.full = True
    with pytest.raises(PawsightError, match="No space left on device") as raised:
        log_report(run, "mlflow:runs")
    assert recorded_mlflow.ended == [("r1", "FAILED")]
    assert "Address: runs\nCheck the address" in str(raised.value)
    assert "pip install" not in str(raised.value)


@pytest.mark.parametrize(
    ("target", "variable", "named"),
    [
        ("mlflow:x://a", "y://b", "Address: x://a"),
        ("mlflow", "y://b", "Address: y://b"),
        ("mlflow", "", "Address: from your MLflow settings"),
    ],
)
def test_an_address_that_mlflow_refuses_is_named(
    run, recorded_mlflow, monkeypatch, target, variable, named
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", variable)
    recorded_mlflow.failure = "unsupported URI"
    with pytest.raises(PawsightError) as raised:
        log_report(run, target)
    assert named in str(raised.value)
    assert "pip install mlflow" in str(raised.value)
    assert "Check the address" not in str(raised.value)
