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

    found = workflow.list_runs(folder)
    if as_json:
        facts = (
            {"path": one.address or str(one.path), "began": one.began.isoformat()} for one in found
        )
        print_json([dataclasses.asdict(one) | fact for one, fact in zip(found, facts, strict=True)])
    elif not found:
        print_line(f"There are no runs in {folder}.")
    else:
        rows = [
            (
                _name(one.path, folder),
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


def _name(path: Path, folder: str | Path) -> str:
    """Return where a run is in the folder, since two may have the same name; or that of the run."""
    if is_address(folder) or path == Path(folder):
        return path.absolute().name
    return str(path.relative_to(folder))
