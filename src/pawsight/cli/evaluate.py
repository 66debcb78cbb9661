"""`pawsight evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="The run folder that `pawsight train` made.")
    ],
    source: Annotated[
        str | None,
        typer.Argument(metavar="SOURCE", help="Other labelled photos; without it, the run's own."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure how good a model is.

    On its own test photos, or on others.

    Example: pawsight evaluate runs/cats more-photos/
    """
    from pawsight import workflow
    from pawsight.cli.metrics import print_metrics
    from pawsight.cli.progress import shown
    from pawsight.cli.tables import print_json
    from pawsight.evaluation.results import Evaluation

    with shown() as progress:
        metrics = workflow.evaluate(run, source, progress)
    if as_json:
        print_json(metrics)
    else:
        print_metrics(Evaluation.from_json(metrics))
