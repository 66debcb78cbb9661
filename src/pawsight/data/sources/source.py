"""What every source returns: a local folder with a name, and labels where it has some."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pawsight.records import Part


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a source's table: one photo and its labels.

    Attributes:
        path: Absolute, or relative to the folder of the photos.
        label: Its class, "" if unknown.
        part: Its part, "" if the source has no parts.
        group: Photos with the same one stay in one part; "" is a group of its own.
        number: The line of the table, for messages.
        columns: Its other columns, as a JSON object of texts; "" without any.
    """

    path: str
    label: str
    part: Part | Literal[""] = ""
    group: str = ""
    number: int = 0
    columns: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Photos that are on this machine.

    Attributes:
        name: What to call them, such as in the name of a run folder.
        root: The folder that they are in.
        table: A table that names them and their classes, or None.
        lines: The photos and their classes, where the source states them itself; else None, and
            the table or the folders give the classes.
        photo: The only photo, where the address was that of one.
    """

    name: str
    root: Path
    table: Path | None = None
    lines: tuple[Line, ...] | None = None
    photo: Path | None = None
