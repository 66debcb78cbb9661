"""`pawsight compare`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pawsight.cli.options import run_place
from pawsight.cli.output import print_line
from pawsight.cli.tables import print_json, print_table

if TYPE_CHECKING:
    from pawsight.evaluation.comparison import Comparison

_MAX_ROWS = 20  # changed photos that are printed


def compare(
    runs: Annotated[
        list[Any],
        typer.Argument(
            parser=run_place,
            metavar="RUN RUN ...",
            help="Two finished run folders or more, or their addresses.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="A new page with the photos that changed."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with every photo that changed.")
    ] = False,
) -> None:
    """Compare runs on the test photos that they have in common.

    Counts the photos that only one of two runs has right, and tests whether the difference may
    be chance (exact McNemar test). Lists the photos that they answer differently. Uses the saved
    predictions.

    Example: pawsight compare runs/first runs/second --out comparison.html
    """
    from pawsight import workflow

    comparison = workflow.compare(runs, out)
    if as_json:
        runs_json = [
            dataclasses.asdict(run) | {"path": run.address or str(run.path)}
            for run in comparison.runs
        ]
        out_json = comparison.out and str(comparison.out)
        print_json(dataclasses.asdict(comparison) | {"runs": runs_json, "out": out_json})
    else:
        _print(comparison)
        if comparison.out is not None:
            print_line(f"With photos: {comparison.out}")


def _print(comparison: Comparison) -> None:
    from pawsight.formatting import counted, percent, percent_interval
    from pawsight.report.comparison_page import short_names

    names = short_names(comparison.runs)
    rows = [
        (name, f"{run.num_correct:,}", percent(run.accuracy), percent_interval(run.interval))
        for name, run in zip(names, comparison.runs, strict=True)
    ]
    title = f"{counted(comparison.num_photos, 'photo')} that all were tested on"
    print_table(rows, ["run", "right", "accuracy", "interval"], title, "right accuracy interval")
    for note in comparison.notes:
        print_line(f"Note: {note}")
    pairs = []
    for pair in comparison.pairs:
        better = pair.first if pair.first_only > pair.second_only else pair.second
        result = f"{names[better]} is better" if pair.is_significant else "not shown"
        counts = (f"{pair.first_only:,}", f"{pair.second_only:,}", f"{pair.p_value:.3g}")
        pairs.append((f"{names[pair.first]} and {names[pair.second]}", *counts, result))
    columns = ["runs", "only first right", "only second right", "p", "difference"]
    print_table(pairs, columns, right="p")
    changed = [(row.path, row.label, *row.answers) for row in comparison.changed[:_MAX_ROWS]]
    if changed:
        print_table(changed, ["changed photo", "label", *names])
    more = (
        f"; the first {_MAX_ROWS} are listed, --json lists all"
        if len(comparison.changed) > _MAX_ROWS
        else ""
    )
    print_line(f"{counted(len(comparison.changed), 'photo')} answered differently{more}.")
    if comparison.num_left_out:
        print_line(f"{counted(comparison.num_left_out, 'photo')} left out: not in every test part.")
