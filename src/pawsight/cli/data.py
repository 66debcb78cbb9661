"""`pawsight data`: well-known sets of photos by name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pawsight.cli.output import print_line, reserve_stdout

if TYPE_CHECKING:
    from pawsight.data.sources.known import KnownSet

data = typer.Typer(
    help="""Well-known sets of photos by name: list them, fetch them.

    Example: pawsight data list
    """,
    no_args_is_help=True,
)


@data.command("list")
@reserve_stdout
def list_sets(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the known sets of photos.

    Prints sizes and licences; with `--json` also addresses, checksums and the sources of these
    facts. Nothing is fetched.

    Example: pawsight data list
    """
    from pawsight.cli.tables import print_json
    from pawsight.data.sources.known import known_sets

    if as_json:
        print_json({"sets": [_values(known) for known in known_sets()]})
    else:
        _print(known_sets())


@data.command()
@reserve_stdout
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name of `pawsight data list`.")],
    into: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A new or empty folder; without it, the cache."),
    ] = None,
) -> None:
    """Fetch a known set, and print the folder of its photos.

    Size and licence are shown first. After an interruption, the same command resumes.
    `pawsight train NAME` fetches the set by itself.

    Example: pawsight data get flowers --into flowers/
    """
    from pawsight import workflow
    from pawsight.cli.progress import shown
    from pawsight.formatting import shell_quoted

    with shown() as progress:
        folder = workflow.fetch_set(name, into, progress)
    print_line(folder)
    source = name if into is None else shell_quoted(str(into))
    print(f"Train on them with: pawsight train {source}", file=sys.stderr)


def _print(sets: tuple[KnownSet, ...]) -> None:
    from pawsight.cli.cache import format_size
    from pawsight.cli.tables import print_table

    print_table(
        [
            (
                known.name,
                f"{known.num_photos:,}",
                str(known.num_classes),
                format_size(known.num_bytes),
                known.licence,
                known.title,
            )
            for known in sets
        ],
        ["name", "photos", "classes", "size", "licence", "what"],
        right="photos classes size",
    )
    print_line(
        "Train on a set with: pawsight train NAME   or fetch it: pawsight data get NAME --into DIR"
    )
    if not all(known.is_verified for known in sets):
        print_line(
            "These figures come from public sources and were not verified by a download; their "
            "sources: --json"
        )


def _values(known_set: KnownSet) -> dict[str, Any]:
    return {
        "name": known_set.name,
        "title": known_set.title,
        "licence": known_set.licence,
        "page": known_set.page,
        "num_photos": known_set.num_photos,
        "num_classes": known_set.num_classes,
        "num_bytes": known_set.num_bytes,
        "archives": [
            {
                "urls": list(archive.urls),
                "file_name": archive.file_name,
                "num_bytes": archive.num_bytes,
                "checksum": archive.checksum,
                "part": archive.part,
            }
            for archive in known_set.archives
        ],
        "origin": list(known_set.origin),
        "is_verified": known_set.is_verified,
    }
