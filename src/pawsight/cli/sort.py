"""`pawsight sort`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pawsight.cli.options import PHOTOS_HELP, ModelRun
from pawsight.cli.output import print_line
from pawsight.formatting import counted, shell_quoted

if TYPE_CHECKING:
    from pawsight.sorting.sort_plan import How, Placement, Sorting, Status

_MAX_REASONS = 10  # lines about single photos; --format csv prints all
_MAX_FOLDERS = 20  # with more, only folders that photos go to are shown
_DONE = {"copy": "copied", "link": "linked", "move": "moved"}
_BUILTIN_MODEL = "Model: built-in (cats and dogs). --model RUN takes another."
_COLUMNS = ("path", "label", "probability", "status", "target", "reason")


_From = Annotated[
    list[str] | None, typer.Argument(help=PHOTOS_HELP, metavar="FROM", show_default=False)
]
_Into = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Gets a folder per class, `unsure` and `none`."),
]
_Sure = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        metavar="P",
        help="Photos of a lower probability go to `unsure`; the model has a default.",
    ),
]
_Link = Annotated[bool, typer.Option("--link", help="Make symbolic links instead of copies.")]
_Move = Annotated[bool, typer.Option("--move", help="Move the photos instead of copying them.")]
_Companions = Annotated[
    bool,
    typer.Option(
        "--companions", help="Include films of Live Photos and raw files with their photo."
    ),
]
_DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only show what would be done; change nothing.")
]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
_Undo = Annotated[
    bool, typer.Option("--undo", help="Undo the last sort into --into; needs no FROM.")
]
_Format = Annotated[
    Literal["table", "csv", "jsonl"],
    typer.Option(
        metavar="table|csv|jsonl",
        help="A table of the folders; or a row for each photo, with --dry-run or --yes.",
    ),
]


def sort(
    sources: _From = None,
    into: _Into = None,
    model: ModelRun = None,
    sure: _Sure = None,
    link: _Link = False,
    move: _Move = False,
    companions: _Companions = False,
    dry_run: _DryRun = False,
    yes: _Yes = False,
    undo: _Undo = False,
    format: _Format = "table",
) -> None:
    """Sort photos into a folder per class.

    Photos with a low probability go to the folder `unsure`, those unlike all training photos to
    `none`; unreadable files stay where they are and are listed. A table is shown first, and a
    question asked. Nothing is ever overwritten: a photo whose content is there already is
    skipped, another one of the same name gets a free name. The same command resumes an
    interrupted sort; --undo undoes the last one.

    The exit code is 0, or 1 if some photo could not be sorted, or not one could be read.

    Example: pawsight sort camera/ --into sorted --dry-run

    Example: pawsight sort camera/ --into sorted --model runs/cats --move

    Example: pawsight sort --undo --into sorted
    """
    from pawsight.errors import ConfigError

    if into is None:
        raise ConfigError("No folder for the sorted photos was given: --into DIR.")
    if undo:
        if sources or model or link or move or dry_run or format != "table":
            raise ConfigError("--undo takes only --into and --yes.")
        _undo(into, yes)
        return
    if not sources:
        raise ConfigError("No photos were given: pawsight sort FROM --into DIR.")
    if link and move:
        raise ConfigError("Give --link or --move, not both.")
    if format != "table" and not (yes or dry_run):
        raise ConfigError(f"--format {format} needs --dry-run, or --yes to sort without asking.")
    how: How = "link" if link else "move" if move else "copy"
    paths = _read_stdin(sources)
    if not (yes or dry_run):
        _check_can_ask(model)
    _sort(paths, into, model, how, sure, dry_run, yes, format, companions)


def _sort(
    sources: list[str],
    into: Path,
    model: str | Path | None,
    how: How,
    sure: float | None,
    dry_run: bool,
    yes: bool,
    format: str,
    companions: bool,
) -> None:
    from pawsight.cli.progress import shown
    from pawsight.sorting.execution import carry_out
    from pawsight.workflow.sorted_photos import plan_sort

    if model is None:
        print(_BUILTIN_MODEL, file=sys.stderr)
    with shown() as progress:
        sorting = plan_sort(sources, into, model, how, sure, dry_run, progress, companions)
    num_failed = _num_failed(sorting)
    if format == "table":
        _print_plan(sorting)
    if not dry_run:
        if not yes and (files := _files_text(sorting, "planned")):
            question = f"{how.capitalize()} {files} into {into}?"
            typer.confirm(question, err=True, abort=True)
        with shown() as progress:
            sorting = carry_out(sorting, progress)
    if format != "table":
        _print_rows(sorting, format)
    _report(sorting, into, dry_run)
    has_new_failures = _num_failed(sorting) > num_failed
    if has_new_failures and format == "table":
        _print_failed(sorting)
    if has_new_failures or (num_failed and not any(place.label for place in sorting.placements)):
        raise typer.Exit(1)


def _read_stdin(sources: list[str]) -> list[str]:
    """Replace `-` with the list on standard input."""
    if "-" not in sources:
        return sources
    from pawsight.inference.photo_inputs import read_list

    listed = list(read_list(sys.stdin.buffer))
    return [path for source in sources for path in (listed if source == "-" else [source])]


def _check_can_ask(model: str | Path | None = None) -> None:
    """Check that there is a terminal for a question; before that error, check the model."""
    from pawsight.errors import ConfigError
    from pawsight.inference.classifier import load
    from pawsight.workflow.sorted_photos import check_sortable

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        if model is not None:
            check_sortable(load(model))
        raise ConfigError(
            "There is no terminal to ask on, so nothing was done.\n"
            "Check with --dry-run, then use --yes."
        )


def _print_plan(sorting: Sorting) -> None:
    """Print how many photos go to each folder, and why other photos stay."""
    from collections import Counter

    from pawsight.cli.tables import print_table

    photos = [place for place in sorting.placements if not place.beside]
    counts = Counter((place.status, place.folder) for place in photos)
    renamed = Counter(
        place.folder
        for place in photos
        if place.status == "planned" and Path(place.path).name != Path(place.target).name
    )
    rows = [
        (
            *(f"{folder}/", f"{counts['planned', folder]:,}"),
            *(f"{renamed[folder]:,}", f"{counts['there', folder]:,}"),
        )
        for folder in sorting.folders
        if len(sorting.folders) <= _MAX_FOLDERS
        or counts["planned", folder] + counts["there", folder]
    ]
    columns = ["folder", sorting.how, "renamed", "skipped"]
    print_table(rows, columns, title=f"Into {sorting.into}", right=" ".join(columns[1:]))
    _print_failed(sorting)


def _print_failed(sorting: Sorting) -> None:
    from pawsight.cli.tables import print_table

    failed = [place for place in sorting.placements if place.status == "failed"]
    if failed:
        listed = failed[:_MAX_REASONS]
        shown = [(sorting.shown(place.path), place.reason) for place in listed]
        print_table(shown, ["stays where it is", "why"])
    if len(failed) > _MAX_REASONS:
        more = len(failed) - _MAX_REASONS
        print_line(f"... and {more:,} more: --dry-run --format csv shows all.")


def _print_rows(sorting: Sorting, format: str) -> None:
    """Write a row for each photo, in the order they were found."""
    import csv
    import io

    from pawsight.cli.tables import write_out
    from pawsight.formatting import inert_cell, inert_path, to_json

    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    if format == "csv":
        table.writerow(_COLUMNS)
    for place in sorting.placements:
        cells = _cells(place, sorting.shown(place.path))
        if format == "csv":
            path, label, probability, status, target, reason = cells
            texts = (inert_cell(str(label or "")), inert_path(str(target or "")), str(reason or ""))
            shown = "" if probability is None else probability
            table.writerow([inert_path(str(path)), texts[0], shown, status, *texts[1:]])
        else:
            text.write(to_json(dict(zip(_COLUMNS, cells, strict=True))) + "\n")
    write_out(text.getvalue())


def _cells(place: Placement, shown: str) -> list[str | float | None]:
    probability = float(f"{place.probability:.6g}") if place.label else None
    texts = (place.status, place.target or None, place.reason or None)
    return [shown, place.label or None, probability, *texts]


def _report(sorting: Sorting, into: Path, is_dry_run: bool) -> None:
    """Print what was done, and how to undo it, to standard error."""
    if is_dry_run:
        print("This was a dry run: nothing was changed.", file=sys.stderr)
    elif files := _files_text(sorting, "placed"):
        print(f"{files} {_DONE[sorting.how]} into {into}.", file=sys.stderr)
        place = shell_quoted(str(into))
        print(f"Undo with: pawsight sort --undo --into {place}", file=sys.stderr)
    elif sorting.placements:
        print("Nothing to do.", file=sys.stderr)
    else:
        print("No photos were named.", file=sys.stderr)


def _undo(into: Path, yes: bool) -> None:
    from pawsight import workflow
    from pawsight.cli.progress import shown
    from pawsight.cli.tables import print_table
    from pawsight.formatting import printable
    from pawsight.sorting.undoing import newest

    if not yes:
        _check_can_ask()
    journal = newest(str(into.absolute()))
    if not yes:
        done = _DONE.get(journal.head.get("how", ""), "sorted")
        sources = printable(", ".join(journal.head.get("sources", [])[:_MAX_REASONS]))
        count = counted(len(journal.entries), "file")
        typer.confirm(f"Undo {count}, {done} from {sources}?", err=True, abort=True)
    with shown() as progress:
        undone = workflow.undo_sort(into, progress)
    print(f"{counted(undone.num_back, 'file')} undone.", file=sys.stderr)
    if undone.left:
        print_table(list(undone.left.items()), [f"left in {into}", "why"])
        raise typer.Exit(1)


def _files_text(sorting: Sorting, status: Status) -> str:
    """Write the numbers of photos and sidecar files with a status; "" if there are none."""
    num_photos, num_sidecars = sorting.count(status), sorting.count_sidecars(status)
    photos = counted(num_photos, "photo")
    if num_sidecars:
        return f"{photos} and {num_sidecars:,} of their sidecar files"
    return photos if num_photos else ""


def _num_failed(sorting: Sorting) -> int:
    return sorting.count("failed") + sorting.count_sidecars("failed")
