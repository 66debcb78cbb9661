"""What every adapter gives: a local folder with a name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Source:
    """Photos that lie on this machine.

    Attributes:
        name: What to call them, such as in the name of a run folder.
        root: The folder that they lie in.
        table: A CSV of path,label[,part] that says which, or None: the folders say.
    """

    name: str
    root: Path
    table: Path | None = None
