"""`pawsight learning-curve`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pawsight.cli.options import RunGiven
from pawsight.cli.settings import Build

if TYPE_CHECKING:
    from pathlib import Path

    from pawsight.evaluation.photo_needs import LearningCurve


def learning_curve(
    run: RunGiven,
    minutes: Annotated[
        float | None,
        typer.Option(metavar="N", help="How long it may take; else about as long as the run."),
    ] = None,
    build: Build = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure whether more photos would help the network of a run.

    The network is trained as the run was, for as many epochs, on an eighth, a quarter and half of
    the training photos, and the report is written again with the curve. The same command resumes
    a stopped measurement. The curve of a fitted head is measured at the end of `pawsight train`.

    Example: pawsight learning-curve runs/cats --minutes 10
    """
    from pawsight import workflow
    from pawsight.cli.progress import shown
    from pawsight.cli.tables import print_json
    from pawsight.runs import Run

    opened = Run.open(run)
    with shown() as progress:
        curve = workflow.learning_curve(opened, minutes, progress, build)
    if as_json:
        print_json(curve.model_dump())
    else:
        _print(curve, opened.report_path)


def _print(curve: LearningCurve, report_path: Path) -> None:
    from pawsight.cli.tables import print_table
    from pawsight.formatting import percent, percent_interval

    measured = [(f"{number:,}", percent(accuracy), "") for number, accuracy in curve.points]
    expected = [
        (
            f"{forecast.num_photos:,}",
            percent(forecast.accuracy),
            percent_interval((forecast.low, forecast.high)),
        )
        for forecast in (curve.all.twice, curve.all.four_times)
    ]
    columns = ["photos", "accuracy", "expected, 90 % interval"]
    print_table([*measured, *expected], columns, right="photos accuracy")
    print_table([("report", str(report_path))])
