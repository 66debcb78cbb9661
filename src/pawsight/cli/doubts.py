"""`pawsight doubts`."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pawsight.cli.output import print_line, results
from pawsight.cli.source_options import MULTI_LABEL, source_config, with_source_options
from pawsight.cli.tables import print_json, print_table

if TYPE_CHECKING:
    from pawsight.evaluation.doubts import Doubts

_MAX_ROWS = 20  # printed; the page and the table have more


@with_source_options(without=MULTI_LABEL)
def doubts(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="RUN|SOURCE",
            help="A run folder, for the photos of that run, or what `pawsight train` takes.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="A new folder for doubts.csv and doubts.html; else doubts/<date>-<time>-<name>.",
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print JSON, of every photo; write files only with --out."),
    ] = False,
    **_: Any,
) -> None:
    """Find photos whose labels are probably wrong.

    Ranks all photos by how strongly the others contradict their label, on features of the network
    that comes with pawsight, and shows the first ones beside the most similar photos of both
    classes. Reads only: no photo and no table is changed.

    Example: pawsight doubts photos/
    """
    from pawsight import workflow
    from pawsight.cli.progress import shown
    from pawsight.results_folders import default_results_dir

    folder = out if out is not None or as_json else default_results_dir("doubts", source)
    with shown() as progress:
        result = workflow.doubts(source, folder, progress, source_config(ctx))
    if as_json:
        print_json(dataclasses.asdict(result) | {"out": None if folder is None else str(folder)})
    else:
        _print(result)
    if folder is not None:
        print(f"With photos: {folder / 'doubts.html'}", file=sys.stderr if as_json else results())


def _print(result: Doubts) -> None:
    from pawsight.evaluation.doubts import SURE
    from pawsight.formatting import counted, percent

    contradicted = result.contradicted
    rows = [
        (doubt.path, doubt.label, doubt.suggested, percent(doubt.probability))
        for doubt in contradicted[:_MAX_ROWS]
    ]
    if rows:
        print_table(
            rows,
            ["photo", "label", "suggested", "probability"],
            title="Ranked by the odds of the suggested class against the label",
            right="probability",
        )
    print_line(
        f"{len(contradicted):,} of {counted(len(result.photos), 'label')} contradicted by the "
        f"other photos, {result.num_strong:,} of them with a probability of {percent(SURE, 0)} or "
        f"more."
    )
    if result.num_unjudged:
        print_line(
            f"{counted(result.num_unjudged, 'photo is', 'photos are')} not scored: of a class with "
            f"fewer than five different photos."
        )
