"""`pawsight runs`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from pawsight.cli.output import print_line
from pawsight.cli.tables import print_json, print_table


def runs(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The folder that holds the runs.")
    ] = Path("runs"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the runs in a folder, the newest first.

    Example: pawsight runs
    """
    from pawsight import workflow
    from pawsight.formatting import percent

    found = workflow.list_runs(folder)
    if as_json:
        facts = ({"path": str(one.path), "began": one.began.isoformat()} for one in found)
        print_json([dataclasses.asdict(one) | fact for one, fact in zip(found, facts, strict=True)])
    elif not found:
        print_line(f"There are no runs in {folder}.")
    else:
        rows = [
            (
                one.path.absolute().name,
                f"{one.began:%Y-%m-%d %H:%M}",
                one.model,
                "-" if one.num_photos is None else f"{one.num_photos:,}",
                f"{percent(one.score)} {one.score_name}".strip(),
                one.part,
                one.state,
            )
            for one in found
        ]
        columns = ["run", "began", "model", "photos", "score", "part", "state"]
        print_table(rows, columns, right="photos")
