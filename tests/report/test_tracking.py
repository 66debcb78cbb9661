"""What a report states arrives in TensorBoard and MLflow, with the real libraries."""

import math
import os
from pathlib import Path

import pytest

from pawsight.errors import ConfigError, DiskError, ExtraError, PawsightError, RunError
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
    monkeypatch.setitem(__import__("sys").modules, package, None)
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
    now = __import__("time").time()
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
