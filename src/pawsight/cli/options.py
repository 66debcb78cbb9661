"""Options of the commands that use a finished model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pawsight.run_addresses import is_address

PHOTOS_HELP = (
    "Files, folders, patterns such as 'photos/**/*.jpg', archives, addresses (s3://, https://, "
    "gdrive: ...), or - for a list of paths on standard input, one a line or separated by NUL."
)


def run_place(text: str) -> str | Path:
    """Return the address of a run as it is, and anything else as a path."""
    return text if is_address(text) else Path(text)


RunGiven = Annotated[
    Any,
    typer.Argument(
        parser=run_place,
        metavar="RUN",
        help="The run folder that `pawsight train` made, or its address.",
        show_default=False,
    ),
]
RunArgument = Annotated[
    Any,
    typer.Argument(
        parser=run_place,
        metavar="RUN",
        help="The run folder that `pawsight train` made, a link to it, or its address. Without "
        "it the model of cats and dogs that ships with pawsight.",
        show_default=False,
    ),
]
ModelRun = Annotated[
    Any,
    typer.Option(
        parser=run_place,
        metavar="RUN",
        help="The run folder that `pawsight train` made, or its address. Without it the model "
        "of cats and dogs that ships with pawsight.",
    ),
]
