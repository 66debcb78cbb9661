"""`pawsight cross-validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pawsight.cli.settings import CONFIG, GROUP_BY, SET, train_config
from pawsight.cli.tables import print_json, print_table


def cross_validate(
    ctx: typer.Context,
    source: Annotated[
        str, typer.Argument(help="What `pawsight train` takes, without parts.", metavar="SOURCE")
    ],
    folds: Annotated[
        int, typer.Option(min=2, max=20, metavar="K", help="How many runs, each with its own part.")
    ] = 5,
    model: Annotated[str, typer.Option(metavar="NAME", help="The network.")] = "swift",
    epochs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Of each run; or give --minutes.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(metavar="N", help="Of each run; or give --epochs.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="As for `train`.")] = 0,
    group_by: Annotated[str | None, GROUP_BY] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="For the runs; given again, it goes on there."),
    ] = None,
    config: Annotated[Path | None, CONFIG] = None,
    set_: Annotated[list[str] | None, SET] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train once per fold, to see how much scores vary.

    Shows how much the score depends on which photos were held out.

    Every photo outside the test part is in the validation part of exactly one run.

    Example: pawsight cross-validate photos/ --folds 5 --minutes 2
    """
    chosen = train_config(ctx, config, set_, folds=folds)
    from pawsight import workflow
    from pawsight.cli.progress import shown

    with shown() as progress:
        found = workflow.cross_validate(source, chosen, out, progress)
    if as_json:
        print_json(found)
    else:
        print_folds(found)


def print_folds(found: dict[str, Any]) -> None:
    """Print a row a fold, and the mean with its spread."""
    folds = enumerate(found["folds"], 1)
    rows = [(str(number), f"{fold['n']:,}", *_percents(fold)) for number, fold in folds]
    rows += [(name, "", *_percents(found[name])) for name in ("mean", "std")]
    columns = ["fold", "photos", "accuracy", "balanced accuracy"]
    print_table(rows, columns, right="photos accuracy")
    print_table([("runs", found["folder"])])


def _percents(scores: dict[str, Any]) -> tuple[str, str]:
    values = (scores["accuracy"], scores["balanced_accuracy"])
    first, second = ("-" if value is None else f"{value:.1%}" for value in values)
    return first, second
