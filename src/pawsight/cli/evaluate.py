"""`pawsight evaluate`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pawsight.cli.options import RunGiven
from pawsight.cli.source_options import source_config, with_source_options


@with_source_options(hidden=("label_separator", "allow_missing"))
def evaluate(
    ctx: typer.Context,
    run: RunGiven,
    source: Annotated[
        str | None,
        typer.Argument(metavar="SOURCE", help="Other labelled photos; without it, the run's own."),
    ] = None,
    robustness: Annotated[
        bool,
        typer.Option(
            "--robustness",
            help="Measure up to 200 of the run's own photos with blur, noise and other "
            "corruptions, too; the report then shows it.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    **_: Any,
) -> None:
    """Measure how good a model is.

    On its own test photos, or on others.

    Example: pawsight evaluate runs/cats more-photos/
    """
    from pawsight import workflow
    from pawsight.cli.metrics import print_metrics
    from pawsight.cli.progress import shown
    from pawsight.cli.tables import print_json
    from pawsight.errors import ConfigError
    from pawsight.evaluation.results import Evaluation

    chosen = source_config(ctx)
    if source is None and chosen.model_fields_set - {"labels"}:
        raise ConfigError(
            "The run's own photos are read as they were when it was trained.\n"
            "Give a SOURCE to use --exclude and the other options of a source."
        )
    with shown() as progress:
        metrics = workflow.evaluate(run, source, progress, chosen, robustness)
    if as_json:
        print_json(metrics)
    else:
        print_metrics(Evaluation.from_json(metrics))
