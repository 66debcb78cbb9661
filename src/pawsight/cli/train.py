"""`pawsight train`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pawsight.cli import tables
from pawsight.errors import ConfigError

if TYPE_CHECKING:
    from pawsight.runs import Run


def _image_size(text: str) -> tuple[int, int]:
    height, _, width = text.lower().partition("x")
    try:
        return int(height), int(width or height)
    except ValueError as error:
        raise typer.BadParameter(
            f"'{text}' is no size; write 160, or 120x160 for height x width."
        ) from error


def train(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            help="A folder with one folder per class, or with train/ and validation/ in it; "
            "a .zip or .tar of one; a .csv with the columns path and label; or the word `sample`.",
            metavar="SOURCE",
        ),
    ],
    model: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="The network: `swift`, or `colab` for the Colab script's own."
        ),
    ] = "swift",
    image_size: Annotated[
        Any,
        typer.Option(
            parser=_image_size,
            metavar="SIZE",
            help="Pixels the model works on: 160, or 120x160 for height x width.",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="How often each photo is seen; or give --minutes."),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(metavar="N", help="How long training may take; or give --epochs."),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Photos per step.")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(metavar="RATE", help="The highest step size.")
    ] = None,
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"],
        typer.Option(metavar="auto|float32|bfloat16", help="`auto` measures which is faster here."),
    ] = "auto",
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Same photos, settings and seed: same result.")
    ] = 0,
    eager: Annotated[
        bool, typer.Option("--eager", help="Step through Python; slow, for debugging.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="The run folder; else runs/DATE-TIME-SOURCE."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Settings from a .json or .toml; options win over it."),
    ] = None,
) -> None:
    """Train a classifier on photos, evaluate it and write the report.

    Without options the model's own recipe decides. Photos that cannot be read are left out and
    named. Ctrl-C keeps what is trained so far; `pawsight resume` goes on.

    Example: pawsight train photos/ --minutes 10
    """
    given = {
        name: value
        for name, value in ctx.params.items()
        if name not in ("source", "out", "config") and _is_given(ctx, name)
    }
    from pawsight.config import TrainConfig, settings

    chosen = settings(TrainConfig, **(_read_settings(config) | given))

    from pawsight import workflow
    from pawsight.cli.progress import shown

    with shown() as progress:
        run = workflow.train(source, chosen, out, progress)
    print_run(run)


def print_run(run: Run) -> None:
    """Print what came out of a run, and what to do next."""
    from pawsight.cli.metrics import accuracy_text

    metrics = run.metrics
    rows = []
    headline = metrics["headline"]
    for name, part in metrics["parts"].items():
        if name == headline:
            rows.append((f"accuracy on {part['n']:,} {name} photos", accuracy_text(part)))
    num_broken = _num_broken(run)
    if num_broken:
        rows.append(("photos that could not be read", f"{num_broken:,} (see the report)"))
    rows.append(("run folder", str(run.path)))
    if run.report_path.is_file():
        rows.append(("report", str(run.report_path)))
    rows.append(("try it", f"pawsight predict PHOTO --model {shlex.quote(str(run.path))}"))
    tables.print_table(rows)


def _num_broken(run: Run) -> int:
    """Count the catalog's rows that have a problem."""
    import csv

    try:
        with run.catalog_path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            return sum(bool(row.get("problem")) for row in csv.DictReader(file))
    except FileNotFoundError:
        return 0


def _is_given(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name not in ("DEFAULT", "DEFAULT_MAP")


def _read_settings(path: Path | None) -> dict[str, Any]:
    """Read a settings file.

    Raises:
        ConfigError: It cannot be read, or holds something else.
    """
    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8")
        found = _parse(path.suffix.lower(), text)
    except OSError as error:
        raise ConfigError(f"The settings file {path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"The settings file {path} cannot be understood: {error}.\n"
            f"It holds settings as JSON or TOML, and its name ends in .json or .toml."
        ) from error
    if not isinstance(found, dict):
        raise ConfigError(f'The settings file {path} must hold settings by name: {{"epochs": 10}}.')
    # A run's own config.json keeps them beside the source, so that a run can be repeated.
    of_a_run = found.get("settings")
    return of_a_run if isinstance(of_a_run, dict) else found


def _parse(suffix: str, text: str) -> Any:
    if suffix == ".json":
        import json

        return json.loads(text)
    if suffix == ".toml":
        import tomllib

        return tomllib.loads(text)
    raise ValueError(f"its name ends in '{suffix}'")
