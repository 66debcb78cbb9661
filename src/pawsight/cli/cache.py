"""`pawsight cache`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pawsight.cli.output import print_line

if TYPE_CHECKING:
    from pawsight.data.cache_contents import CacheEntry, ClearResult


def cache(
    clear: Annotated[
        list[str] | None,
        typer.Option(
            "--clear", metavar="NAME", help="Clear the entry of this name; `all` for everything."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show or clear the cache.

    It holds decoded photos, at each image size; unpacked archives; photos copied from network
    drives and cloud stores; runs at an address; known sets; the drawn sample; pretrained weights,
    and features of photos. All of it is recreated when it is needed. Your own photos are not in it.

    Example: pawsight cache --clear all
    """
    from pawsight.cli.tables import print_json
    from pawsight.data.cache_contents import clear_cache, list_cache
    from pawsight.storage.cache import cache_dir

    if clear:
        cleared = clear_cache(clear)
        print_json(_cleared_values(cleared)) if as_json else _print_cleared(cleared)
        if any(result.problem for result in cleared):
            raise typer.Exit(1)
        return
    entries = list_cache()
    if as_json:
        total = sum(entry.num_bytes for entry in entries)
        values = [_values(entry) for entry in entries]
        print_json({"path": str(cache_dir()), "num_bytes": total, "entries": values})
    else:
        _print(str(cache_dir()), entries)


def _print(folder: str, entries: list[CacheEntry]) -> None:
    from pawsight.cli.tables import print_table

    total = sum(entry.num_bytes for entry in entries)
    if entries:
        print_table(
            [
                (
                    entry.name,
                    entry.kind,
                    f"{entry.num_files:,}",
                    format_size(entry.num_bytes),
                    f"{datetime.fromtimestamp(entry.last_used):%Y-%m-%d %H:%M}",
                    _origin_text(entry),
                )
                for entry in entries
            ],
            ["name", "what", "files", "size", "last used", "photos in"],
            right="files size",
        )
    print_line(f"{format_size(total)} in {folder}")
    if entries:
        print_line("Clear an entry: pawsight cache --clear NAME   or everything: --clear all")


def _origin_text(entry: CacheEntry) -> str:
    is_gone = entry.origin and not Path(entry.origin).exists()
    return f"{entry.origin} (gone)" if is_gone else entry.origin


def _print_cleared(cleared: list[ClearResult]) -> None:
    freed = 0
    for result in cleared:
        entry, problem = result.entry, result.problem
        text = f"{entry.name} ({entry.kind}, {format_size(entry.num_bytes)})"
        print_line(f"Left {text}: {problem}." if problem else f"Removed {text}.")
        freed += 0 if problem else entry.num_bytes
    print_line(f"{format_size(freed)} freed.")


def _values(entry: CacheEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "kind": entry.kind,
        "path": str(entry.path),
        "origin": entry.origin,
        "num_files": entry.num_files,
        "num_bytes": entry.num_bytes,
        "last_used": datetime.fromtimestamp(entry.last_used).astimezone().isoformat("T", "seconds"),
    }


def _cleared_values(cleared: list[ClearResult]) -> dict[str, Any]:
    return {
        "removed": [_values(result.entry) for result in cleared if not result.problem],
        "left": [
            _values(result.entry) | {"problem": result.problem}
            for result in cleared
            if result.problem
        ],
    }


def format_size(num_bytes: int) -> str:
    """Write a size for display: `512 bytes`, `3.4 MB`, `1.2 GB`."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if num_bytes >= scale:
            return f"{num_bytes / scale:,.1f} {unit}"
    return f"{num_bytes} bytes"
