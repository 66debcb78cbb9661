"""`pawsight report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pawsight.cli.output import print_line


def report(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="The run folder that `pawsight train` made.")
    ],
) -> None:
    """Write the report of a run again, and print its path.

    The report is one HTML file that works offline, in print and as an e-mail attachment.

    Example: pawsight report runs/cats
    """
    from pawsight import workflow

    print_line(workflow.write_report(run))
