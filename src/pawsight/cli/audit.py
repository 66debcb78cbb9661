"""`pawsight audit`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pawsight.cli.tables import print_json, print_table

_MOST_ROWS = 20  # of one finding; --json has all


def audit(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="What `pawsight train` takes: a folder, archive or .csv."
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with every path.")] = False,
) -> None:
    """Check photos before training on them.

    Counts classes, sizes and formats, finds copies and names the photos that cannot be read.
    Reads only: no file is changed, moved or deleted.

    Example: pawsight audit photos/
    """
    from pawsight import workflow
    from pawsight.cli.progress import shown

    with shown() as progress:
        findings = workflow.audit(source, progress)
    if as_json:
        print_json(findings)
    else:
        print_findings(findings)


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
        ("cannot be read", f"{len(findings['broken']):,}"),
        ("exact copies", _groups(findings["exact_copies"])),
        ("copies across parts", _groups(findings["copies_across_parts"])),
    ]
    print_table(rows, title=findings["name"])
    _print_classes(findings["classes"], findings["parts"])
    _print_some(
        [(found["path"], found["problem"]) for found in findings["broken"]],
        ["photo that cannot be read", "why"],
    )
    _print_some(
        [(" = ".join(group),) for group in findings["copies_across_parts"]],
        ["the same photo in several parts, which makes the score look better than it is"],
    )
    _print_some([(" = ".join(group),) for group in findings["exact_copies"]], ["exact copies"])


def _print_classes(classes: dict[str, int], parts: dict[str, dict[str, int]]) -> None:
    print_table(
        [
            (name, f"{count:,}", *(f"{part.get(name, 0):,}" for part in parts.values()))
            for name, count in classes.items()
        ],
        ["class", "photos", *parts],
        right=" ".join(["photos", *parts]),
    )


def _print_some(rows: list[tuple[str, ...]], columns: list[str]) -> None:
    if rows:
        print_table(rows[:_MOST_ROWS], columns)
    if len(rows) > _MOST_ROWS:
        print(f"and {len(rows) - _MOST_ROWS:,} more; all of them: --json\n")


def _groups(groups: list[list[str]]) -> str:
    if not groups:
        return "none"
    return f"{sum(map(len, groups)):,} photos, {len(groups):,} different"


def _size(size: list[int] | None) -> str:
    return "-" if size is None else f"{size[0]} x {size[1]} pixels (width x height)"
