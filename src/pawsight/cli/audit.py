"""`pawsight audit`."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from pawsight.cli.settings import GroupBy
from pawsight.cli.source_options import (
    Classes,
    ClassLevel,
    Columns,
    Exclude,
    LabelPattern,
    Merge,
    Parts,
    source_config,
)
from pawsight.cli.tables import print_json, print_table

FOUND = 3  # the exit code when --fail-on finds something
_MOST_ROWS = 20  # of one finding; the page and the JSON have more
_LISTED = ("broken", "leakage", "conflicting_labels", "exact_copies", "near_copies")
_ANY = "any"


def audit(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="What `pawsight train` takes: a folder, archive or .csv."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where audit.html, audit.json and catalog.csv go; "
            "else audits/<date>-<time>-<name>.",
        ),
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES",
            help="End with exit code 3 if one of these is found, such as leakage,broken; or any.",
        ),
    ] = None,
    group_by: GroupBy = None,
    exclude: Exclude = None,
    classes: Classes = None,
    merge: Merge = None,
    parts: Parts = None,
    class_level: ClassLevel = None,
    label_pattern: LabelPattern = None,
    columns: Columns = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print JSON, with every path; write files only with --out."),
    ] = False,
) -> None:
    """Check photos before training on them.

    Finds what cannot be read; copies, also resized, re-saved or mirrored ones, within a class,
    across classes and across parts; photos too dark, too bright, blurred, blank, tiny, or unlike
    the rest of their class; uneven classes and mixed sizes. Shows them all on one page.
    Reads only: no file is changed, moved or deleted.

    Example: pawsight audit photos/ --fail-on leakage,broken
    """
    from pawsight import workflow
    from pawsight.cli.progress import shown

    wanted = _kinds(fail_on or [])
    chosen = source_config(ctx)
    folder = out if out is not None or as_json else _default_folder(source)
    with shown() as progress:
        findings = workflow.audit(source, folder, group_by, progress, chosen)
    if as_json:
        print_json(findings)
    else:
        print_findings(findings)
    if folder is not None:
        print(f"With photos: {folder / 'audit.html'}", file=sys.stderr if as_json else sys.stdout)
    counts = {name: findings["findings"][name]["count"] for name in wanted}
    found = [f"{count:,} {name}" for name, count in counts.items() if count]
    if found:
        print(f"Found {', '.join(found)}.", file=sys.stderr)
        raise typer.Exit(FOUND)


def print_findings(findings: dict[str, Any]) -> None:
    """Print what `workflow.audit` found, as tables."""
    sizes = findings["sizes"]
    formats = findings["formats"]
    rows = [
        ("photos", f"{findings['num_photos']:,} in {findings['root']}"),
        ("formats", ", ".join(f"{count:,} {name}" for name, count in formats.items()) or "-"),
        ("smallest", _size(sizes.get("smallest"))),
        ("largest", _size(sizes.get("largest"))),
        ("other files", f"{findings['num_ignored']:,} ignored"),
    ]
    print_table(rows, title=findings["name"])
    _print_classes(findings["classes"], findings["parts"])
    found = {name: one for name, one in findings["findings"].items() if one["count"]}
    for name in _LISTED:
        if name in found:
            _print_some(found[name])
    if found:
        summary = [(name, _count(one), _first(one)) for name, one in found.items()]
        print_table(summary, ["found", "how many", "the first"], right="how many")
    else:
        print("Nothing was found that looks wrong.\n")


def _kinds(given: list[str]) -> list[str]:
    """The kinds of findings to fail on."""
    from pawsight.data.auditing.checks import KINDS

    known = [kind.id for kind in KINDS]
    names = [name.strip() for text in given for name in text.split(",") if name.strip()]
    for name in names:
        if name not in (*known, _ANY):
            raise typer.BadParameter(
                f"There is no finding '{name}'. Choose from: {', '.join((*known, _ANY))}.",
                param_hint="--fail-on",
            )
    return known if _ANY in names else list(dict.fromkeys(names))


def _default_folder(source: str) -> Path:
    from pawsight.runs import results_dir
    from pawsight.storage.atomic import plain_name

    stamp = f"{datetime.now():%Y-%m-%d-%H%M%S}"
    return results_dir("audits", source) / f"{stamp}-{plain_name(Path(source).absolute().stem)}"


def _print_classes(classes: dict[str, int], parts: dict[str, dict[str, int]]) -> None:
    rows = [
        (name, f"{count:,}", *(f"{part.get(name, 0):,}" for part in parts.values()))
        for name, count in classes.items()
    ]
    print_table(
        rows[: 5 * _MOST_ROWS], ["class", "photos", *parts], right=" ".join(["photos", *parts])
    )
    if len(rows) > 5 * _MOST_ROWS:
        print(f"and {len(rows) - 5 * _MOST_ROWS:,} more classes\n")


def _print_some(found: dict[str, Any]) -> None:
    """Print the first items of one kind of finding."""
    items = found["items"]
    some = items[:_MOST_ROWS]
    if "photos" in items[0]:
        print_table([(_equation(item),) for item in some], [found["title"].lower()])
    else:
        rows = [(item["path"], item["reason"]) for item in some]
        print_table(rows, [found["title"].lower(), "why"])
    if len(items) > _MOST_ROWS:
        print(f"and {len(items) - _MOST_ROWS:,} more; all of them: --json\n")


def _count(found: dict[str, Any]) -> str:
    if "photos" not in found["items"][0]:
        return f"{found['count']:,}" if "path" in found["items"][0] else ""
    return f"{found['count']:,} groups"


def _first(found: dict[str, Any]) -> str:
    """The worst one of its kind, in a line."""
    item = found["items"][0]
    if "photos" in item:
        return _equation(item)
    return f"{item['path']}: {item['reason']}" if "path" in item else str(item["reason"])


def _equation(item: dict[str, Any]) -> str:
    paths = [photo["path"] for photo in item["photos"]]
    more = f" and {len(paths) - 4:,} more" if len(paths) > 4 else ""
    return (" , " if "group" in item else " = ").join(paths[:4]) + more


def _size(size: list[int] | None) -> str:
    return "-" if size is None else f"{size[0]} x {size[1]} pixels (width x height)"
