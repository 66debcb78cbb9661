"""`pawsight audit`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pawsight.cli.output import print_line, results
from pawsight.cli.settings import Cluster, GroupBy, pixels_config
from pawsight.cli.source_options import source_config, with_source_options
from pawsight.cli.tables import print_json, print_table

if TYPE_CHECKING:
    from pawsight.data.auditing.findings import Audit, Finding, GroupItem

FOUND = 3  # the exit code when --fail-on finds something
_MAX_ROWS = 20  # of a finding; the page and the JSON have more
_MAX_CLASSES = 100
_ANY = "any"

_Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Where audit.html, audit.json and catalog.csv go; else audits/<date>-<time>-<name>.",
    ),
]
_FailOn = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAMES",
        help="End with exit code 3 if one of these is found, such as leakage,broken; or any.",
    ),
]
_PixelsSet = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Of files of more than 8 bits: pixels.bands=4,3,2 or pixels.range=0,4095.",
        hidden=True,
    ),
]
_Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Read photos with N processes here, or with N workers on --cluster.",
        hidden=True,
    ),
]


@with_source_options(hidden=("merge", "encoding", "label_separator", "allow_missing"))
def audit(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="What `pawsight train` takes: a folder, archive or .csv."
        ),
    ],
    out: _Out = None,
    fail_on: _FailOn = None,
    group_by: GroupBy = None,
    set_: _PixelsSet = None,
    workers: _Workers = None,
    cluster: Cluster = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print JSON, with every path; write files only with --out."),
    ] = False,
    **_: Any,
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
    from pawsight.data.auditing.findings import Audit
    from pawsight.results_folders import default_results_dir

    fail_checks = _checks(fail_on or [])
    chosen, pixels = source_config(ctx), pixels_config(set_)
    folder = out if out is not None or as_json else default_results_dir("audits", source)
    with shown() as progress:
        result = workflow.audit(
            source, folder, group_by, progress, chosen, pixels, workers, cluster
        )
    audited = Audit.from_json(result)
    if as_json:
        print_json(result)
    else:
        print_audit(audited)
    if folder is not None:
        print(f"With photos: {folder / 'audit.html'}", file=sys.stderr if as_json else results())
    counts = {name: len(audited.findings[name].items) for name in fail_checks}
    failing = [f"{count:,} {name}" for name, count in counts.items() if count]
    if failing:
        print(f"Found {', '.join(failing)}.", file=sys.stderr)
        raise typer.Exit(FOUND)


def print_audit(audit: Audit) -> None:
    """Print the results of an audit as tables."""
    from pawsight.data.auditing.checks import CHECKS
    from pawsight.data.auditing.findings import GroupItem

    rows = [
        ("photos", f"{audit.num_photos:,} in {audit.root}"),
        ("formats", ", ".join(f"{count:,} {name}" for name, count in audit.formats.items()) or "-"),
        ("smallest", _size(audit.sizes.get("smallest"))),
        ("largest", _size(audit.sizes.get("largest"))),
        ("other files", f"{audit.num_ignored:,} ignored"),
    ]
    print_table(rows, title=audit.name)
    _print_classes(audit)
    findings = {name: finding for name, finding in audit.findings.items() if finding.items}
    serious = {check.id for check in CHECKS if check.is_serious}
    for name, finding in findings.items():
        if name in serious or finding.kind is GroupItem:
            _print_items(finding)
    if findings:
        summary = [(name, _count(finding), _first(finding)) for name, finding in findings.items()]
        print_table(summary, ["found", "how many", "the first"], right="how many")
    else:
        print_line("No problems found.\n")


def _checks(texts: list[str]) -> list[str]:
    """Return the ids of the checks to fail on; `texts` are values of --fail-on."""
    from pawsight.data.auditing.checks import CHECKS

    ids = [check.id for check in CHECKS]
    names = [name.strip() for text in texts for name in text.split(",") if name.strip()]
    for name in names:
        if name not in (*ids, _ANY):
            raise typer.BadParameter(
                f"There is no finding '{name}'. Choose from: {', '.join((*ids, _ANY))}.",
                param_hint="--fail-on",
            )
    return ids if _ANY in names else list(dict.fromkeys(names))


def _print_classes(audit: Audit) -> None:
    rows = [
        (name, f"{count:,}", *(f"{number:,}" for number in of_parts))
        for name, count, of_parts in audit.class_rows()
    ]
    numbers = ["photos", *audit.parts]
    print_table(rows[:_MAX_CLASSES], ["class", *numbers], right=" ".join(numbers))
    if len(rows) > _MAX_CLASSES:
        print_line(f"and {len(rows) - _MAX_CLASSES:,} more classes\n")


def _print_items(finding: Finding) -> None:
    """Print the first items of a finding."""
    from pawsight.data.auditing.findings import GroupItem, PhotoItem

    items = finding.items[:_MAX_ROWS]
    if finding.kind is GroupItem:
        groups = [(_equation(item),) for item in items if isinstance(item, GroupItem)]
        print_table(groups, [finding.title.lower()])
    else:
        rows = [(item.path, item.reason or "") for item in items if isinstance(item, PhotoItem)]
        print_table(rows, [finding.title.lower(), "why"])
    if len(finding.items) > _MAX_ROWS:
        print_line(f"and {len(finding.items) - _MAX_ROWS:,} more; all of them: --json\n")


def _count(finding: Finding) -> str:
    from pawsight.data.auditing.findings import GroupItem, SentenceItem
    from pawsight.formatting import counted

    if finding.kind is SentenceItem:
        return ""
    count = len(finding.items)
    return counted(count, "group") if finding.kind is GroupItem else f"{count:,}"


def _first(finding: Finding) -> str:
    """Describe the first item of a finding in a line."""
    from pawsight.data.auditing.findings import GroupItem, PhotoItem

    item = finding.items[0]
    if isinstance(item, GroupItem):
        return _equation(item)
    return f"{item.path}: {item.reason}" if isinstance(item, PhotoItem) else item.reason


def _equation(item: GroupItem) -> str:
    from pawsight.formatting import listed

    between = " = " if item.group is None else " , "
    return listed((photo.path for photo in item.photos), 4, between)


def _size(size: tuple[int, int] | None) -> str:
    return "-" if size is None else f"{size[0]} x {size[1]} pixels (width x height)"
