"""`pawsight train`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pawsight.cli import tables
from pawsight.cli.options import run_place
from pawsight.cli.settings import (
    Assigned,
    Build,
    Cluster,
    Config,
    Epochs,
    Finetune,
    GroupBy,
    Minutes,
    Model,
    Seed,
    Weights,
    Workers,
    train_config,
)
from pawsight.cli.source_options import RARE, with_source_options

if TYPE_CHECKING:
    from pawsight.runs import Run


def _image_size(text: str) -> tuple[int, int]:
    height, _, width = text.lower().partition("x")
    try:
        return int(height), int(width or height)
    except ValueError as error:
        raise typer.BadParameter(
            f"'{text}' is no size; write 160, or 120x160 for height x width."
        ) from error


_ImageSize = Annotated[
    Any,
    typer.Option(
        parser=_image_size,
        metavar="SIZE",
        help="Pixels the model works on: 160, or 120x160 for height x width.",
    ),
]

_Source = Annotated[
    str,
    typer.Argument(
        help="A folder with one folder per class, or with train/ and validation/ in it; "
        "a .zip or .tar of one; a .csv with the columns path and label; a place in Google "
        "Drive (gdrive:PATH), in a cloud store or on the web (s3://, https:// ...); the name "
        "of a set of `pawsight data list`; or the word `sample`.",
        metavar="SOURCE",
    ),
]
_StartFrom = Annotated[
    str | None,
    typer.Option(
        metavar="RUN",
        help="Train a finished run further: with more photos, other classes, more minutes; or a "
        "file of a pawsight model. Photos keep their parts.",
    ),
]
_TargetAccuracy = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Stop once validation proves this accuracy (lower 95 % bound): 0.95.",
        hidden=True,
    ),
]
_BatchSize = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Photos per step.", hidden=True)
]
_LearningRate = Annotated[
    float | None, typer.Option(metavar="RATE", help="The highest step size.", hidden=True)
]
_Precision = Annotated[
    Literal["auto", "float32", "bfloat16"],
    typer.Option(
        metavar="auto|float32|bfloat16", help="`auto` measures which is faster here.", hidden=True
    ),
]
_Eager = Annotated[
    bool, typer.Option("--eager", help="Step through Python; slow, for debugging.", hidden=True)
]
_Out = Annotated[
    Any,
    typer.Option(
        parser=run_place,
        metavar="FOLDER",
        help="The run folder, or an address for it (s3://, gs://, az://, sftp://); else "
        "runs/DATE-TIME-SOURCE.",
    ),
]


@with_source_options(hidden=(*RARE, "label_separator"))
def train(
    ctx: typer.Context,
    source: _Source,
    model: Model = "auto",
    build: Build = None,
    start_from: _StartFrom = None,
    weights: Weights = None,
    finetune: Finetune = False,
    image_size: _ImageSize = None,
    epochs: Epochs = None,
    minutes: Minutes = None,
    target_accuracy: _TargetAccuracy = None,
    batch_size: _BatchSize = None,
    learning_rate: _LearningRate = None,
    precision: _Precision = "auto",
    seed: Seed = 0,
    eager: _Eager = False,
    group_by: GroupBy = None,
    workers: Workers = None,
    cluster: Cluster = None,
    out: _Out = None,
    config: Config = None,
    set_: Assigned = None,
    **_: Any,
) -> None:
    """Train a classifier on photos, and report how good it is.

    Evaluates it on photos that it was not trained on, and writes a report with figures.

    Without options the model's own recipe decides. Photos that cannot be read are left out and
    named. Ctrl-C keeps what is trained so far; `pawsight resume` continues. --start-from RUN trains
    a finished run further.

    Example: pawsight train photos/ --minutes 10
    """
    chosen = train_config(ctx, config, set_)

    from pawsight import workflow
    from pawsight.cli.progress import shown
    from pawsight.machine import process_started

    with shown() as progress:
        run = workflow.train(
            source,
            chosen,
            out,
            progress,
            started=process_started(),
            build=build,
            workers=workers,
            cluster=cluster,
        )
    print_run(run)


def print_run(run: Run) -> None:
    """Print the results of a run, and how to use the model."""
    from pawsight.cli.metrics import headline_rows
    from pawsight.evaluation.results import Evaluation
    from pawsight.formatting import shell_quoted

    rows = headline_rows(Evaluation.load(run))
    num_broken = _num_broken(run)
    if num_broken:
        rows.append(("photos that could not be read", f"{num_broken:,} (see the report)"))
    rows.append(("run folder", run.place))
    if run.report_path.is_file():
        rows.append(("report", str(run.report_path)))
    rows.append(("try it", f"pawsight predict PHOTO --model {shell_quoted(run.place)}"))
    tables.print_table(rows)


def _num_broken(run: Run) -> int:
    """Count the photos of the catalog that could not be read."""
    import csv

    try:
        with run.catalog_path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            return sum(bool(row.get("problem")) for row in csv.DictReader(file))
    except FileNotFoundError:
        return 0
