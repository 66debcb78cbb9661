"""`pawsight predict`: needs neither TensorFlow nor the workflow."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Annotated, Literal

import typer

Format = Literal["table", "csv", "json", "jsonl"]

_BY_BUILTIN = (
    "Model: the built-in one, which knows cats and dogs and takes all else for one of the two; "
    "--model RUN takes yours."
)


def predict(
    photos: Annotated[
        list[str],
        typer.Argument(
            help="Files, folders, patterns such as 'photos/**/*.jpg', or - for a list of paths "
            "on standard input, one a line or separated by NUL.",
            metavar="PHOTOS",
        ),
    ],
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="The run folder that `pawsight train` made. Without it the model of cats and "
            "dogs that ships with pawsight.",
        ),
    ] = None,
    format: Annotated[
        Format | None,
        typer.Option(
            metavar="table|csv|json|jsonl",
            help="Without it a table on a terminal; else by the name of --output, or csv.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write here instead of standard output."),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, max=1024, metavar="N", help="Photos per call of the model.")
    ] = 32,
) -> None:
    """Say what is on photos.

    Results go to standard output as they come; --output replaces nothing but earlier results.
    The columns are path, label, probability, error, and then one per class. A photo that cannot
    be read is a row with an error. The exit code is 0, or 1 if not one photo could be read.

    Example: pawsight predict tom.jpg

    Example: pawsight predict photos/ tom.jpg --model runs/cats --format csv
    """
    from pawsight.cli.rows import WRITERS
    from pawsight.inference.classifier import Classifier
    from pawsight.inference.photos import expand
    from pawsight.models import builtin

    chosen = format or _format_for(output)
    with _opened(output) as write:
        if model is None:
            print(_BY_BUILTIN, file=sys.stderr)
        classifier = Classifier.load(builtin.folder() if model is None else model)
        expanded = expand(photos, sys.stdin.buffer)
        num_read = num_failed = 0
        writer = WRITERS[chosen](classifier.class_names)
        write(writer.head())
        for prediction in classifier.predict_iter(expanded, batch_size):
            write(writer.row(prediction))
            num_failed += bool(prediction.error)
            num_read += not prediction.error
        write(writer.foot())
    _tell(num_read, num_failed)
    if num_failed and not num_read:
        raise typer.Exit(1)


def _tell(num_read: int, num_failed: int) -> None:
    """Say on standard error how many photos were no photos."""
    if num_failed:
        print(f"{num_failed:,} of {num_failed + num_read:,} could not be read.", file=sys.stderr)
    elif not num_read:
        print("No photos were named.", file=sys.stderr)


def _format_for(output: Path | None) -> Format:
    if output is None:
        return "table" if sys.stdout.isatty() else "csv"
    by_suffix: dict[str, Format] = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}
    return by_suffix.get(output.suffix.lower(), "csv")


@contextlib.contextmanager
def _opened(output: Path | None) -> Iterator[Callable[[str], None]]:
    """Give the function that writes text to where the results go."""
    if output is None:
        from pawsight.cli.tables import write_out

        yield write_out
        return

    from pawsight.cli.rows import check_replaceable
    from pawsight.runs import replacing

    check_replaceable(output)
    with replacing(output) as temporary, temporary.open("wb") as file:
        yield lambda text: _write(file, text)


def _write(file: IO[bytes], text: str) -> None:
    file.write(text.encode("utf-8", "surrogateescape"))
