"""`pawsight cross-validate`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pawsight.cli.settings import (
    Assigned,
    Config,
    Epochs,
    GroupBy,
    Minutes,
    Model,
    RunsFolder,
    Seed,
    train_config,
)
from pawsight.cli.source_options import MULTI_LABEL, RARE, with_source_options
from pawsight.cli.tables import print_json, print_table


@with_source_options(hidden=RARE, without=MULTI_LABEL)
def cross_validate(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            help="What `pawsight train` takes; train and validation parts are pooled.",
            metavar="SOURCE",
        ),
    ],
    folds: Annotated[
        int | None,
        typer.Option(
            min=2, max=20, metavar="K", help="How many runs, each with its own part; else 5."
        ),
    ] = None,
    model: Model = "auto",
    epochs: Epochs = None,
    minutes: Minutes = None,
    seed: Seed = 0,
    group_by: GroupBy = None,
    out: RunsFolder = None,
    config: Config = None,
    set_: Assigned = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    **_: Any,
) -> None:
    """Train once per fold, to see how much scores vary.

    Shows how much the score depends on which photos were held out.

    --epochs or --minutes are those of each run. Every photo outside the test part is in the
    validation part of exactly one run.

    Example: pawsight cross-validate photos/ --folds 5 --minutes 2
    """
    chosen = train_config(ctx, config, set_)
    from pawsight import workflow
    from pawsight.cli.progress import shown

    with shown() as progress:
        result = workflow.cross_validate(source, chosen, out, progress)
    if as_json:
        print_json(result)
    else:
        print_folds(result)


def print_folds(result: dict[str, Any]) -> None:
    """Print the scores of each fold, then their mean and standard deviation."""
    from pawsight.evaluation.folds import FoldStatistics
    from pawsight.evaluation.scores import SCORES

    summary = FoldStatistics.model_validate(result)
    named = [(str(number), fold) for number, fold in enumerate(summary.folds, 1)]
    named += [("mean", summary.mean), ("std", summary.std)]
    rows = [
        [
            name,
            "" if (n := scores.get("n")) is None else f"{n:,.0f}",
            *(score.text(scores.get(score.key)) for score in SCORES),
        ]
        for name, scores in named
    ]
    print_table(rows, ["fold", "photos", *(score.title for score in SCORES)], right="photos")
    print_table([("runs", result["folder"])])
