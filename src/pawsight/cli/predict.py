"""`pawsight predict`; needs no TensorFlow."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from pawsight.cli.options import PHOTOS_HELP, ModelRun
from pawsight.cli.output import results
from pawsight.inference.format_names import OutputFormat

_BUILTIN_MODEL = (
    "Model: built-in (cats and dogs; the answer to anything else should be `none`). "
    "--model RUN takes another."
)

_Photos = Annotated[list[str], typer.Argument(help=PHOTOS_HELP, metavar="PHOTOS")]
_Format = Annotated[
    OutputFormat | None,
    typer.Option(
        metavar="|".join(get_args(OutputFormat)),
        help="Without it a table on a terminal; else by the name of --output, or csv.",
    ),
]
_Output = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write here instead of standard output; the same command resumes an interrupted one.",
    ),
]
_Tta = Annotated[
    bool,
    typer.Option(
        "--tta", help="Average the predictions of each photo and its mirror image; half as fast."
    ),
]
_MaxError = Annotated[
    float | None,
    typer.Option(
        "--max-error",
        metavar="E",
        help="Answer only where the share of wrong answers stays below E (0.01 is 1 %), with 95 % "
        "confidence; other photos are `unsure`.",
    ),
]


def _shard(text: str) -> tuple[int, int]:
    from pawsight.errors import ConfigError
    from pawsight.inference.shards import Shard

    try:
        shard = Shard.parse(text)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from error
    return shard.number, shard.count


_Shard = Annotated[
    Any,
    typer.Option(
        parser=_shard,
        metavar="I/N",
        help="Predict every N-th photo only, beginning with the I-th, into a file beside --output; "
        "`pawsight merge` makes one of all N.",
    ),
]
_Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Predict with N workers into --output DIR, a folder of Parquet files.",
    ),
]
_Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="The Ray cluster for --workers, such as `auto`; else workers are processes here.",
    ),
]
_BatchSize = Annotated[
    int, typer.Option(min=1, max=1024, metavar="N", help="Photos per run of the model.")
]


def predict(
    photos: _Photos,
    model: ModelRun = None,
    format: _Format = None,
    output: _Output = None,
    tta: _Tta = False,
    max_error: _MaxError = None,
    batch_size: _BatchSize = 4,
    shard: _Shard = None,
    workers: _Workers = None,
    cluster: _Cluster = None,
) -> None:
    """Predict the class of photos.

    Rows go to standard output as they come; --output writes a file instead, and resumes it.
    The columns are path, label, probability, answer, error, and then one per class. The answer
    is the label, `unsure` where it is not probable enough, or `none` where a photo is unlike all
    training photos. A photo that cannot be read is a row with an error. The exit code is 0, or 1
    if not one photo could be read.

    Example: pawsight predict tom.jpg

    Example: pawsight predict photos/ tom.jpg --model runs/cats --format csv

    Example: pawsight predict photos/ --output answers.csv --shard 3/8

    Example: pawsight predict photos/ --output answers/ --workers 4
    """
    _check_shard(shard, output, format)
    _check_workers(workers, cluster, shard, output, format)
    from pawsight.machine import keep_memory

    keep_memory()
    if model is None:
        print(_BUILTIN_MODEL, file=sys.stderr)
    if output is None:
        num_read, num_failed = _print(photos, model, format, tta, max_error, batch_size)
    else:
        from pawsight.cli.progress import shown
        from pawsight.workflow import predict_folder, predict_with_workers

        with shown() as progress:
            result = (
                predict_folder(
                    photos, model, output, format, tta, batch_size, progress, max_error, shard
                )
                if workers is None
                else predict_with_workers(
                    photos, model, output, workers, cluster, tta, batch_size, progress, max_error
                )
            )
        num_read, num_failed = result.num_read, result.num_failed
    if num_failed:
        print(f"{num_failed:,} of {num_failed + num_read:,} could not be read.", file=sys.stderr)
    elif not num_read and shard is None:
        print("No photos were named.", file=sys.stderr)
    if num_failed and not num_read and shard is None:  # a batch system would repeat a failed shard
        raise typer.Exit(1)


def _check_shard(
    shard: tuple[int, int] | None, output: Path | None, format: OutputFormat | None
) -> None:
    if shard is not None and output is None:
        raise typer.BadParameter("--shard needs --output FILE, beside which the shards are kept.")
    if shard is not None and format is not None:
        raise typer.BadParameter(
            "A shard has no format: give --format to pawsight merge, when all are done."
        )


def _check_workers(
    workers: int | None,
    cluster: str | None,
    shard: tuple[int, int] | None,
    output: Path | None,
    format: OutputFormat | None,
) -> None:
    if workers is None and cluster is not None:
        raise typer.BadParameter("--cluster needs --workers N.")
    if workers is None:
        return
    if output is None:
        raise typer.BadParameter("--workers needs --output DIR, a folder for the predictions.")
    if shard is not None or format is not None:
        raise typer.BadParameter("--workers writes Parquet files; leave out --shard and --format.")


def _print(
    photos: list[str],
    model: str | Path | None,
    format: OutputFormat | None,
    tta: bool,
    max_error: float | None,
    batch_size: int,
) -> tuple[int, int]:
    """Print a row for each photo; return how many could and could not be read."""
    from pawsight.gc_pause import pause_gc

    with pause_gc():
        # Not from the workflow: its import takes longer than predicting a photo.
        from pawsight.cli.progress import shown
        from pawsight.cli.tables import write_out
        from pawsight.data.listing.left_out import LeftOut
        from pawsight.inference.addresses import fetch_addresses
        from pawsight.inference.classifier import load
        from pawsight.inference.output_formats import FORMATS
        from pawsight.inference.photo_decoder import listed_if_few
        from pawsight.inference.photo_inputs import expand
        from pawsight.inference.result_rows import write_rows

        classifier = load(model, max_error)
    left_out = LeftOut()
    with shown() as progress:
        local = fetch_addresses(photos, progress)
    # Unbuffered: a thread may still wait for standard input when the process ends.
    stdin = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
    paths = listed_if_few(local, expand(local, stdin, left_out))
    writer = FORMATS[format or ("table" if results().isatty() else "csv")].writer(
        classifier.class_names
    )
    monitor = classifier.drift_monitor()
    with contextlib.closing(
        classifier.predict_iter(paths, batch_size=batch_size, tta=tta)
    ) as predictions:
        count = write_rows(monitor.watch(predictions), writer, write_out)
    if (drift := monitor.result()) and drift.has_drifted:
        print(drift.sentence(), file=sys.stderr)
    with shown() as progress:
        left_out.report(progress)
    return count.num_read, count.num_failed
