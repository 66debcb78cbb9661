"""Options of the commands that use a finished model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PHOTOS_HELP = (
    "Files, folders, patterns such as 'photos/**/*.jpg', archives, addresses (s3://, https://, "
    "gdrive: ...), or - for a list of paths on standard input, one a line or separated by NUL."
)
RunArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="RUN",
        help="The run folder that `pawsight train` made, or a link to it. Without it the model of "
        "cats and dogs that ships with pawsight.",
        show_default=False,
    ),
]
ModelRun = Annotated[
    Path | None,
    typer.Option(
        metavar="RUN",
        help="The run folder that `pawsight train` made. Without it the model of cats and dogs "
        "that ships with pawsight.",
    ),
]
