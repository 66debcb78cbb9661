"""`pawsight sample`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pawsight.cli.output import print_line


def sample(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A new or empty folder to draw into.")
    ],
    count: Annotated[
        int, typer.Option(min=2, metavar="N", help="How many photos, over all classes.")
    ] = 1200,
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Same count and seed: same photos.")
    ] = 0,
) -> None:
    """Write a sample of labelled, drawn photos.

    They are drawn by the program itself: nothing is downloaded.

    Example: pawsight sample drawn/ --count 300
    """
    from pawsight import workflow
    from pawsight.cli.progress import shown
    from pawsight.formatting import shell_quoted

    with shown() as progress:
        workflow.draw_sample(folder, count, seed, progress)
    print_line(folder)
    print(f"Train on them with: pawsight train {shell_quoted(str(folder))}", file=sys.stderr)
