"""Log the content of a run's report to TensorBoard or MLflow.

Both receive the same numbers under the same names: such as `train/loss` and
`validation/accuracy` of each validation, by training step, and `report/accuracy` and
`report/recall/cats` of the finished model. Summary, settings and figures are logged as text
and images; MLflow also stores the pages.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from pawsight.addresses import public_address, public_text
from pawsight.errors import (
    ConfigError,
    DiskError,
    ExtraError,
    PawsightError,
    RunError,
    first_line,
)
from pawsight.formatting import shell_quoted
from pawsight.history import Epoch
from pawsight.report.contents import Contents
from pawsight.report.report_fields import ReportSummary
from pawsight.report.run_facts import setting_rows
from pawsight.runs import Run

_MAX_PARAMETER = 500  # characters that older MLflow servers accept
_MAX_METRICS = 1000  # of a request
# Unless the user sets these, MLflow would send telemetry, retry for four minutes, and print the
# address with its password.
_MLFLOW_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number at a training step."""

    group: Literal["train", "validation", "report"]  # "report": the finished model
    name: str  # within its group
    value: float
    step: int  # training steps taken


def log_report(run: Run, target: str) -> str:
    """Log the content of a run's report.

    Args:
        run: A run with a report.
        target: "tensorboard:DIR", in which a folder with the name of the run is created, or
            "mlflow:URI"; "mlflow" alone uses MLflow's own settings (MLFLOW_TRACKING_URI).

    Returns:
        The folder, or the address of the MLflow run, without a password.

    Raises:
        ConfigError: `target` has another form.
        ExtraError: The extra is not installed.
        RunError: The run has no report.
        DiskError: The folder cannot be written.
        PawsightError: MLflow or its server failed.
    """
    kind, _, address = target.partition(":")
    if kind not in ("tensorboard", "mlflow") or (kind == "tensorboard" and not address):
        raise ConfigError(
            f"A report is logged to tensorboard:DIR or mlflow:URI, not to "
            f"{public_address(target)!r}."
        )
    if not run.report_json_path.is_file():
        command = f"pawsight report {shell_quoted(str(run.path))}"
        raise RunError(f"{run.path} has no report yet.\nWrite it first: {command}")
    contents = Contents.load(run)
    summary = ReportSummary.model_validate(run.read_json(run.report_json_path))
    if kind == "tensorboard":
        return str(_log_to_tensorboard(contents, summary, Path(address) / run.path.resolve().name))
    return _log_to_mlflow(contents, summary, address)


def scalars(history: list[Epoch], summary: ReportSummary) -> list[Scalar]:
    """Return the numbers of each validation and of the finished model."""
    values = []
    for row in history:
        if row.is_extra:  # measured after training, at no training step
            continue
        values += [
            Scalar("train", "loss", row.train_loss, row.step),
            Scalar("train", "accuracy", row.train_accuracy, row.step),
            Scalar("train", "learning_rate", row.learning_rate, row.step),
            Scalar("validation", "loss", row.validation_loss, row.step),
            Scalar("validation", "accuracy", row.validation_accuracy, row.step),
        ]
        balanced = row.validation_balanced_accuracy
        others = row.own_metrics | ({} if balanced is None else {"balanced_accuracy": balanced})
        values += [Scalar("validation", name, value, row.step) for name, value in others.items()]
    last = max((row.step for row in history), default=0)
    final = {score.key: score.value for score in summary.scores}
    for name, of_class in summary.classes.items():
        final |= {f"precision/{name}": of_class.precision, f"recall/{name}": of_class.recall}
    return values + [
        Scalar("report", name, value, last) for name, value in final.items() if value is not None
    ]


def _log_to_tensorboard(contents: Contents, summary: ReportSummary, folder: Path) -> Path:
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise ExtraError("TensorBoard", "tensorboard") from error
    # As Keras does, training and validation have a folder each, so that their curves share a chart.
    by_group: dict[str, list[Scalar]] = {"report": []}
    for scalar in scalars(contents.history, summary):
        by_group.setdefault(scalar.group, []).append(scalar)
    try:
        for group, rows in by_group.items():
            # Purging from step 0 on replaces what an earlier call logged.
            with SummaryWriter(str(folder / group), purge_step=0) as writer:
                for row in rows:
                    writer.add_scalar(row.name, row.value, row.step)
                if group != "report":
                    continue
                writer.add_text("report", _summary_text(summary))
                writer.add_text("settings", _as_table(_settings(contents)))
                for path in sorted(contents.run.figures_dir.glob("*.png")):
                    with Image.open(path) as figure:
                        pixels = np.asarray(figure.convert("RGB"))
                    writer.add_image(path.stem, pixels, dataformats="HWC")
    except OSError as error:
        raise DiskError(
            f"The logs cannot be written ({first_line(error)}).\nFolder: {folder}\n"
            f"Free some space, or name another folder: --to tensorboard:DIR"
        ) from error
    return folder


def _log_to_mlflow(contents: Contents, summary: ReportSummary, uri: str) -> str:
    for name, value in _MLFLOW_DEFAULTS.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        raise ExtraError("MLflow", "mlflow") from error
    run = contents.run
    with _mlflow_errors(uri):
        client = MlflowClient(tracking_uri=uri or None)
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or public_address(contents.name)
        existing = client.get_experiment_by_name(name)
        experiment = existing.experiment_id if existing else client.create_experiment(name)
        tags = {
            "mlflow.note.content": _summary_text(summary),
            "pawsight.version": summary.version,
            "pawsight.part": str(summary.part),
        }
        created = client.create_run(experiment, tags=tags, run_name=run.path.resolve().name)
        run_id: str = created.info.run_id
        try:
            _fill_mlflow_run(client, run_id, contents, summary)
        except BaseException:
            with suppress(Exception):
                client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id)
        address = public_address(client.tracking_uri)
    if address.startswith(("http://", "https://")):
        return f"{address.rstrip('/')}/#/experiments/{experiment}/runs/{run_id}"
    return f"experiment {name}, run {run_id}"


def _fill_mlflow_run(client: Any, run_id: str, contents: Contents, summary: ReportSummary) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    metrics = [
        Metric(_mlflow_name(f"{scalar.group}/{scalar.name}"), scalar.value, now, scalar.step)
        for scalar in scalars(contents.history, summary)
    ]
    for start in range(0, len(metrics), _MAX_METRICS):
        client.log_batch(run_id, metrics=metrics[start : start + _MAX_METRICS])
    parameters = [
        Param(_mlflow_name(name), value[:_MAX_PARAMETER]) for name, value in _settings(contents)
    ]
    client.log_batch(run_id, params=parameters)
    run = contents.run
    for path in (run.report_path, run.data_page_path, run.report_json_path):
        if path.is_file():
            client.log_artifact(run_id, str(path))
    for path in sorted(run.figures_dir.glob("*.png")):
        client.log_artifact(run_id, str(path), "figures")


@contextmanager
def _mlflow_errors(uri: str) -> Iterator[None]:
    """Translate the errors of MLflow and of its connection; their text may hold a password."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as error:
        address = public_address(uri or os.environ.get("MLFLOW_TRACKING_URI", ""))
        is_unsupported = "unsupported URI" in str(error)
        raise PawsightError(
            f"MLflow failed: {public_text(first_line(error))}\n"
            f"Address: {address or 'from your MLflow settings'}"
            + (
                "\nFor a database, the full package is needed: pip install mlflow"
                if is_unsupported
                else "\nCheck the address, that the server runs, and that you may write there."
            )
        ) from error


def _mlflow_name(name: str) -> str:
    """Replace the characters that MLflow does not allow in names."""
    return re.sub(r"[^\w.\- :/]", "_", name)


def _settings(contents: Contents) -> list[tuple[str, str]]:
    rows = setting_rows(contents.config.get("settings", {}))
    source = str(contents.config.get("source", ""))
    return [(name, public_text(text)) for name, text in (("photos", source), *rows)]


def _summary_text(summary: ReportSummary) -> str:
    """Return the first screen of the report as Markdown."""
    steps = [
        f"{step.title}: {step.reason}" if step.reason else step.title for step in summary.steps
    ]
    lists = {"Where it fails": summary.failures, "Next steps": steps, "Findings": summary.findings}
    lines = [f"**{summary.headline}**", summary.detail, summary.caution]
    for title, rows in lists.items():
        if rows:
            lines.append("\n".join([f"{title}:", "", *(f"- {row}" for row in rows)]))
    return "\n\n".join(line for line in lines if line)


def _as_table(rows: list[tuple[str, str]]) -> str:
    lines = [f"| {name} | {text.replace('|', '&#124;')} |" for name, text in rows]
    return "\n".join(["| setting | value |", "|---|---|", *lines])
