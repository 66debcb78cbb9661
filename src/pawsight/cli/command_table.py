"""The commands by name; each is imported when it is looked up, so that `--help` is fast."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator, Mapping
from typing import Any

import typer

from pawsight.cli.output import reserve_stdout

# In the order of --help. Each is a function, or a typer.Typer, in the module of the same name (with
# underscores).
NAMES = (
    *("train", "cross-validate", "tune", "resume", "evaluate", "verify", "compare", "runs"),
    *("predict", "merge", "sort", "export", "serve", "report", "learning-curve"),
    *("sample", "audit", "doubts", "pack", "cache", "doctor", "data", "drive"),
)


class CommandTable(Mapping[str, Any]):
    """The Click commands by name."""

    def __getitem__(self, name: str) -> Any:
        """Import a command, and return it; raises KeyError."""
        if name not in NAMES:
            raise KeyError(name)
        return _load(name)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(NAMES)

    def __len__(self) -> int:
        """Return how many commands there are."""
        return len(NAMES)


@functools.cache
def _load(name: str) -> Any:
    attribute = name.replace("-", "_")
    command = getattr(importlib.import_module(f"pawsight.cli.{attribute}"), attribute)
    if isinstance(command, typer.Typer):
        group = typer.main.get_group(command)
        group.name = name
        return group
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name)(reserve_stdout(command))
    return typer.main.get_command(app)
