"""`pawsight merge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from pawsight.cli.output import print_line
from pawsight.inference.format_names import OutputFormat


def merge(
    output: Annotated[
        Path, typer.Argument(metavar="FILE", help="What --output was for each shard.")
    ],
    format: Annotated[
        OutputFormat | None,
        typer.Option(
            metavar="|".join(get_args(OutputFormat)), help="Without it by the name of FILE."
        ),
    ] = None,
) -> None:
    """Merge the shards of a prediction into one file.

    The shards are those of `pawsight predict --shard`, and the file is the one that a single
    process would have written, to the byte. They are beside it as FILE.shard-1-of-8 and so on,
    and stay; one that is missing, unfinished or of another model, other settings or other photos
    is named.

    Example: pawsight merge answers.csv
    """
    from pawsight.formatting import counted
    from pawsight.workflow import merge_shards

    done = merge_shards(output, format)
    print_line(f"{counted(done.num_read + done.num_failed, 'photo')} in {done.path}")
    if done.num_failed:
        print(f"{done.num_failed:,} could not be read.")
    if done.num_failed and not done.num_read:
        raise typer.Exit(1)
