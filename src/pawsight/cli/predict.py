"""`pawsight predict`: needs neither TensorFlow nor the workflow."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Literal

import typer

from pawsight.cli.options import PHOTOS_HELP, ModelRun

if TYPE_CHECKING:
    from pawsight.cli.rows import Writer
    from pawsight.cli.unfinished import Unfinished
    from pawsight.inference.photo_inputs import PhotoLike
    from pawsight.records import Prediction

    Look = Callable[[Iterable[PhotoLike]], Generator[Prediction]]

Format = Literal["table", "csv", "json", "jsonl"]

_BY_BUILTIN = (
    "Model: the built-in one, which knows cats and dogs and takes all else for one of the two; "
    "--model RUN takes yours."
)


_Photos = Annotated[list[str], typer.Argument(help=PHOTOS_HELP, metavar="PHOTOS")]
_Format = Annotated[
    Format | None,
    typer.Option(
        metavar="table|csv|json|jsonl",
        help="Without it a table on a terminal; else by the name of --output, or csv.",
    ),
]
_Output = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write here instead of standard output; given again after an interruption, "
        "it goes on where it stopped.",
    ),
]
_Tta = Annotated[
    bool,
    typer.Option(
        "--tta", help="Average in what the model says of the mirrored photo: half as fast."
    ),
]
_BatchSize = Annotated[
    int, typer.Option(min=1, max=1024, metavar="N", help="Photos per call of the model.")
]


def predict(
    photos: _Photos,
    model: ModelRun = None,
    format: _Format = None,
    output: _Output = None,
    tta: _Tta = False,
    batch_size: _BatchSize = 4,
) -> None:
    """Say what is on photos.

    Results go to standard output as they come; --output replaces nothing but earlier results.
    The columns are path, label, probability, error, and then one per class. A photo that cannot
    be read is a row with an error. The exit code is 0, or 1 if not one photo could be read.

    Example: pawsight predict tom.jpg

    Example: pawsight predict photos/ tom.jpg --model runs/cats --format csv
    """
    from pawsight.cli.rows import WRITERS, check_replaceable
    from pawsight.inference.classifier import load
    from pawsight.inference.photo_inputs import expand
    from pawsight.machine import keep_memory

    keep_memory()
    if output is not None:
        check_replaceable(output)
    if model is None:
        print(_BY_BUILTIN, file=sys.stderr)
    classifier = load(model)
    # Read without a buffer: it may be waited for when the command ends.
    named = expand(photos, getattr(sys.stdin.buffer, "raw", sys.stdin.buffer))
    look = partial(classifier.predict_iter, batch_size=batch_size, tta=tta)
    writer = WRITERS[format or _format_for(output)](classifier.class_names)
    if output is None:
        from pawsight.cli.tables import write_out

        with contextlib.closing(look(named)) as found:
            tally = _write(found, writer, write_out)
    else:
        from pawsight.cli.unfinished import Unfinished

        settings = {"model": classifier.fingerprint, "tta": tta}
        with Unfinished(output, classifier.class_names, settings) as unfinished:
            if unfinished.was_begun:
                from pawsight.inference.crash_guard import tried_apart

                _collect(
                    unfinished, named, lambda left: look(tried_apart(left, classifier, batch_size))
                )
            else:
                _collect(unfinished, named, look)
            tally = _finish(unfinished, output, writer)
    _tell(*tally)


def _write(
    predictions: Iterable[Prediction], writer: Writer, write: Callable[[str], None]
) -> tuple[int, int]:
    """Write predictions as they come; give how many photos were read, and how many not."""
    num_read = num_failed = 0
    write(writer.head())
    for prediction in predictions:
        write(writer.row(prediction))
        num_failed += bool(prediction.error)
        num_read += not prediction.error
    write(writer.foot())
    return num_read, num_failed


def _collect(unfinished: Unfinished, named: Iterator[PhotoLike], look: Look) -> None:
    """Add the answers that are missing yet.

    Raises:
        StoppedError: Ctrl-C was pressed; what is there is kept.
    """
    from pawsight.cli.progress import shown
    from pawsight.errors import StoppedError

    try:
        left = unfinished.skip(named)
        with shown() as progress, contextlib.closing(look(left)) as found:
            if unfinished.num_rows:
                progress.note(f"{unfinished.num_rows:,} photos are answered already: going on.")
            progress.start("Predicting", unit="photos")
            for prediction in found:
                unfinished.add(prediction)
                progress.advance(1)
    except KeyboardInterrupt as error:
        if not unfinished.num_rows:
            unfinished.remove()
            raise
        raise StoppedError(
            f"Stopped. The answers for {unfinished.num_rows:,} photos are kept in "
            f"{unfinished.path}.\nGive the same command again to go on."
        ) from error


def _finish(unfinished: Unfinished, output: Path, writer: Writer) -> tuple[int, int]:
    """Write the answers as the result that was asked for."""
    from pawsight.storage.atomic import replacing

    with replacing(output) as temporary, temporary.open("wb") as file:
        tally = _write(unfinished.rows(), writer, partial(_write_bytes, file))
    unfinished.remove()
    return tally


def _write_bytes(file: IO[bytes], text: str) -> None:
    file.write(text.encode("utf-8", "surrogateescape"))


def _tell(num_read: int, num_failed: int) -> None:
    """Say on standard error how many photos were no photos.

    Raises:
        Exit: With exit code 1, if not one photo could be read.
    """
    if num_failed:
        print(f"{num_failed:,} of {num_failed + num_read:,} could not be read.", file=sys.stderr)
    elif not num_read:
        print("No photos were named.", file=sys.stderr)
    if num_failed and not num_read:
        raise typer.Exit(1)


def _format_for(output: Path | None) -> Format:
    if output is None:
        return "table" if sys.stdout.isatty() else "csv"
    by_suffix: dict[str, Format] = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}
    return by_suffix.get(output.suffix.lower(), "csv")
