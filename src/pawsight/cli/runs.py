"""`pawsight runs`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from pawsight.cli.options import run_place
from pawsight.cli.output import print_line
from pawsight.cli.tables import print_json, print_table
from pawsight.run_addresses import is_address


def runs(
    folder: Annotated[
        Any,
        typer.Argument(
            parser=run_place, metavar="FOLDER", help="The folder, or address, that holds the runs."
        ),
    ] = "runs",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the runs in a folder, the newest first.

    Example: pawsight runs
    """
    from pawsight import workflow
    from pawsight.formatting import percent

    summaries = workflow.list_runs(folder)
    if as_json:
        print_json(
            [
                dataclasses.asdict(run)
                | {"path": run.address or str(run.path), "began": run.began.isoformat()}
                for run in summaries
            ]
        )
    elif not summaries:
        print_line(f"There are no runs in {folder}.")
    else:
        rows = [
            (
                _name(run.path, folder),
                f"{run.began:%Y-%m-%d %H:%M}",
                run.model,
                "-" if run.num_photos is None else f"{run.num_photos:,}",
                f"{percent(run.score)} {run.score_name}".strip(),
                run.part,
                run.state,
            )
            for run in summaries
        ]
        columns = ["run", "began", "model", "photos", "score", "part", "state"]
        print_table(rows, columns, right="photos")


def _name(path: Path, folder: str | Path) -> str:
    """Return the path of a run in the folder, since names may repeat; of addresses, the name."""
    if is_address(folder) or path == Path(folder):
        return path.absolute().name
    return str(path.relative_to(folder))
