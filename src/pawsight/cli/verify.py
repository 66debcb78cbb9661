"""`pawsight verify`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from pawsight.cli.options import RunGiven
from pawsight.cli.source_options import ALLOW_MISSING

if TYPE_CHECKING:
    from pawsight.workflow.verification import Verification


def verify(
    run: RunGiven,
    photos: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Where the run's photos are now; without it, where they were when it began.",
        ),
    ] = None,
    allow_missing: Annotated[bool, ALLOW_MISSING] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Verify a finished run.

    Its files are compared with their checksums, its metrics are computed again from the saved
    predictions, and the predictions from the photos, if these are available. The exit code is 1
    if a check fails. Nothing is changed.

    Example: pawsight verify runs/cats
    """
    from pawsight import workflow
    from pawsight.cli.progress import shown
    from pawsight.cli.tables import print_json

    with shown() as progress:
        verification = workflow.verify(run, photos, progress, allow_missing)
    if as_json:
        print_json(
            dataclasses.asdict(verification)
            | {"path": verification.address or str(verification.path), "holds": verification.holds}
        )
    else:
        _print(verification)
    if not verification.holds:
        raise typer.Exit(1)


def _print(verification: Verification) -> None:
    from pawsight.cli.output import print_line
    from pawsight.formatting import counted, printable_lines

    for problem in verification.problems:
        print_line(printable_lines(f"Does not hold: {problem}"))
    for note in verification.notes:
        print_line(printable_lines(f"Note: {note}"))
    print_line(f"{counted(verification.num_files, 'file')} compared with their checksums.")
    if verification.num_measured:
        print_line(
            f"Metrics computed again from {counted(verification.num_measured, 'prediction')}."
        )
    if verification.num_predicted:
        print_line(
            f"{counted(verification.num_predicted, 'photo')} predicted again: probabilities differ "
            f"by at most {verification.largest_difference:.2g}."
        )
    held = "holds" if verification.holds else "does not hold"
    print_line(printable_lines(f"The run {verification.address or verification.path} {held}."))
