"""`pawsight tune`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pawsight.cli.output import print_line
from pawsight.cli.settings import (
    Assigned,
    Cluster,
    Config,
    Epochs,
    GroupBy,
    Model,
    RunsFolder,
    Seed,
    train_config,
)
from pawsight.cli.source_options import MULTI_LABEL, RARE, with_source_options
from pawsight.cli.tables import print_table

if TYPE_CHECKING:
    from pawsight.workflow.tuning_results import Tuning

_MAX_ROWS = 10
_Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Train N trials at the same time, in processes here or on --cluster.",
        hidden=True,
    ),
]


@with_source_options(hidden=RARE, without=MULTI_LABEL)
def tune(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="What `pawsight train` takes.", metavar="SOURCE")],
    minutes: Annotated[
        float, typer.Option(min=2, metavar="M", help="For all trials and the final runs.")
    ],
    model: Model = "auto",
    epochs: Epochs = None,
    seed: Seed = 0,
    group_by: GroupBy = None,
    out: RunsFolder = None,
    config: Config = None,
    workers: _Workers = None,
    cluster: Cluster = None,
    set_: Assigned = None,
    **_: Any,
) -> None:
    """Search the settings that suit a set of photos.

    Tries learning rate, augmentation, batch size, image size and how photos are resized, and
    shows which of them mattered. The best ones and the default recipe are then trained equally
    long, and compared on the test photos, which no trial has seen: the last line states whether
    the difference is more than chance. Settings that are given are not searched.

    Example: pawsight tune photos/ --minutes 120
    """
    ctx.params.pop("minutes")  # of the search, and no setting of its runs
    chosen = train_config(ctx, config, set_)
    from pawsight import workflow
    from pawsight.cli.progress import shown

    with shown() as progress:
        tuning = workflow.tune(source, minutes, chosen, out, progress, workers, cluster)
    print_tuning(tuning)


def print_tuning(tuning: Tuning) -> None:
    """Print the best trials, the importances, and whether the winner is better."""
    from pawsight.formatting import percent

    ranked = sorted(tuning.trials, key=lambda trial: -(trial.score or 0.0))[:_MAX_ROWS]
    names = list(tuning.trials[0].values)
    rows = [
        (
            *(str(trial.number + 1), percent(trial.score), trial.state),
            *map(_value, trial.values.values()),
        )
        for trial in ranked
    ]
    print_table(rows, ["trial", "validation", "state", *names], right="trial validation")
    shares = [
        (importance.name, percent(importance.mean, 0), percent(importance.spread, 0))
        for importance in tuning.importances
    ]
    if shares:
        print_table(shares, ["what mattered", "share", "+/-"], right="share +/-")
    else:
        print_line(
            "Too few trials, or no difference between them: the importances cannot be estimated."
        )
    print_line(f"folder: {tuning.folder}")
    print_line(verdict(tuning))


def verdict(tuning: Tuning) -> str:
    """Return a sentence on whether the winner is better than the default recipe."""
    from pawsight.formatting import counted

    pair = tuning.pair
    if pair is None or tuning.comparison is None or tuning.winner is None:
        return "No trial scored higher than the default recipe: keep it."
    default, winner = tuning.comparison.runs
    photos = counted(tuning.comparison.num_photos, "held-out photo")
    counts = (
        f"{winner.num_correct:,} of {photos} right, "
        f"the default recipe {default.num_correct:,} (p = {pair.p_value:.3g})"
    )
    if tuning.is_better:
        return f"The winner is better by more than chance: {counts}. Its run: {tuning.winner.path}"
    return f"The winner is not shown to be better than the default recipe: {counts}."


def _value(value: float | str) -> str:
    return value if isinstance(value, str) else f"x {value:.2f}"
