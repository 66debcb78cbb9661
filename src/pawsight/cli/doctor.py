"""`pawsight doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pawsight.cli.options import run_place
from pawsight.cli.output import print_line


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    bundle: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a zip for a bug report: versions, settings, logs; no photos.",
        ),
    ] = None,
    run: Annotated[
        Any,
        typer.Option(
            parser=run_place, metavar="RUN", help="The run folder the bug report is about."
        ),
    ] = None,
) -> None:
    """Check this machine and this installation.

    Shows the processor, the precision that training would use and why, and for each extra its
    purpose, its packages, and the command that installs it.

    Example: pawsight doctor --bundle report.zip --run runs/pets
    """
    from pawsight.cli.tables import print_json
    from pawsight.doctor import examine

    if run is not None and bundle is None:
        raise typer.BadParameter("can only be used with --bundle FILE", param_hint="--run")
    findings = examine()
    if bundle is not None:
        from pawsight.bug_report import write_bug_report
        from pawsight.runs import Run

        names = write_bug_report(bundle, findings, None if run is None else Run.open(run))
        print_line(f"{bundle}: {', '.join(names)}")
    elif as_json:
        print_json(findings)
    else:
        _print(findings)


def _print(findings: dict[str, Any]) -> None:
    from pawsight.cli.tables import print_table

    processor, precision = findings["processor"], findings["precision"]
    cache = findings["cache"] or {"path": "cannot be used", "free_bytes": None}
    features = f" ({', '.join(processor['features'])})" if processor["features"] else ""
    unknown = "unknown without TensorFlow"
    chosen = f"{precision['choice']}: {precision['reason']}" if precision else unknown
    print_table(
        [
            ("pawsight", findings["pawsight"]),
            ("Python", findings["python"]),
            ("platform", findings["platform"]),
            ("processor", f"{processor['name']}, {processor['cores']} cores{features}"),
            ("memory", _gibibytes(findings["memory_bytes"])),
            ("free for the cache", _gibibytes(cache["free_bytes"])),
            ("cache", cache["path"]),
            ("devices", ", ".join(findings["devices"]) if findings["devices"] else unknown),
            ("precision", chosen),
        ]
    )
    print_line()
    print_table(
        [
            (name, extra["gives"], _packages(extra))
            for name, extra in {"(always)": findings["always"], **findings["extras"]}.items()
        ],
        columns=("extra", "for", "packages"),
    )
    for problem in findings["problems"]:
        print_line(f"\n{problem['problem']}\n  {problem['remedy']}")
    if not findings["problems"]:
        print_line("\nNo problems found.")


def _packages(extra: dict[str, Any]) -> str:
    """Return the packages of an extra with their versions, and how to install missing ones."""
    installed = [f"{name} {version}" for name, version in extra["packages"].items() if version]
    missing = [name for name, version in extra["packages"].items() if not version]
    if not missing:
        return ", ".join(installed)
    names = f"{', '.join(installed)}; {', '.join(missing)} " if installed else ""
    return f"{names}not installed: {extra['install']}"


def _gibibytes(count: int | None) -> str:
    return "unknown" if count is None else f"{count / 2**30:.1f} GiB"
