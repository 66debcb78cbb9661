"""`pawsight merge`."""

from __future__ import annotations

import sys
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

    The shards of `pawsight predict --shard` are beside FILE, as FILE.shard-1-of-8 and so on, and
    are kept. FILE is byte for byte the file that a single process would have written. A shard that
    is missing or unfinished, or differs in model, settings or photos, is an error.

    Example: pawsight merge answers.csv
    """
    from pawsight.formatting import counted
    from pawsight.workflow import merge_shards

    merged = merge_shards(output, format)
    print_line(f"{counted(merged.num_read + merged.num_failed, 'photo')} in {merged.path}")
    if merged.num_failed:
        print(f"{merged.num_failed:,} could not be read.", file=sys.stderr)
    if merged.num_failed and not merged.num_read:
        raise typer.Exit(1)
