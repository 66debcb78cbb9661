"""`pawsight report`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pawsight.cli.options import RunGiven
from pawsight.cli.output import print_line


def report(
    run: RunGiven,
    to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TARGET",
            help="Log it as well: tensorboard:DIR or mlflow:URI. May be given several times.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what the report states as JSON.")
    ] = False,
) -> None:
    """Write the report of a run again, and print its path.

    The report is one HTML file that works offline, in print and as an e-mail attachment.
    What it states is beside it in report.json.

    Example: pawsight report runs/cats
    Example: pawsight report runs/cats --to tensorboard:logs
    """
    from pawsight import workflow
    from pawsight.cli.tables import print_json
    from pawsight.runs import Run

    opened = Run.open(run)
    path = workflow.write_report(opened)
    for target in to or ():
        print(f"Logged: {workflow.log_report(opened, target)}", file=sys.stderr)
    if as_json:
        print_json(opened.read_json(opened.report_json_path))
    else:
        print_line(path)
