"""`pawsight export`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pawsight.cli.options import RunArgument
from pawsight.cli.source_options import ALLOW_MISSING
from pawsight.formatting import percent

if TYPE_CHECKING:
    from pawsight.exporting.comparison import Exported

_Format = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FORMAT",
        help="Default: onnx; may be repeated. An unknown name lists all formats.",
        show_default=False,
    ),
]
_Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="The new folder; of several formats, one each in it. Default: exports/FORMAT "
        "in the run folder.",
    ),
]
_Photos = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCE",
        help="Labelled photos to compare on; without it the run's own validation photos.",
    ),
]


def export(
    run: RunArgument = None,
    format: _Format = None,
    out: _Out = None,
    photos: _Photos = None,
    allow_missing: Annotated[bool, ALLOW_MISSING] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Export a model to the format of another runtime.

    Every export is run on photos and compared with the model before it is kept. A README.md in its
    folder describes its use. Nothing is ever overwritten.

    Example: pawsight export runs/cats --format onnx

    Example: pawsight export runs/cats --format litert --format litert-int8
    """
    from pawsight.cli.progress import shown
    from pawsight.cli.tables import print_json
    from pawsight.workflow.exports import export_all

    exports: list[Exported] = []
    try:
        with shown() as progress:
            exports.extend(
                export_all(run, format or ["onnx"], out, photos, progress, allow_missing)
            )
    finally:  # finished exports are printed, even if the next format failed
        if as_json:
            print_json([_as_json(export) for export in exports])
        elif exports:
            _print(exports)


def _as_json(exported: Exported) -> dict[str, Any]:
    return dataclasses.asdict(exported) | {"path": str(exported.path)}


def _print(exports: list[Exported]) -> None:
    from pawsight.cli.tables import print_table

    columns = ("format", "difference", "agreement", "accuracy", "MB", "ms/photo", "folder")
    rows = [
        (
            export.format,
            f"{export.largest_difference:.1e}",
            f"{percent(export.agreement, 2)}",
            f"{percent(export.accuracy, 2)} (model {percent(export.model_accuracy, 2)})",
            f"{export.size / 1e6:.1f}",
            f"{1e3 * export.seconds_per_photo:.1f} "
            f"(model {1e3 * export.model_seconds_per_photo:.1f})",
            str(export.path),
        )
        for export in exports
    ]
    title = f"Compared with the model on {exports[0].num_photos:,} photos"
    print_table(rows, columns, title, right=" ".join(columns[:-1]))
