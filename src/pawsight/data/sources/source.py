"""What every source returns: a local folder with a name, and labels where it has some."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pawsight.records import Part


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a source's table: one photo and its labels."""

    path: str  # absolute, or relative to the folder of the photos
    label: str  # its class, "" if unknown
    part: Part | Literal[""] = ""  # its part, "" if the source has no parts
    group: str = ""  # photos with the same one stay in one part; "" is a group of its own
    number: int = 0  # the line of the table, for messages
    columns: str = ""  # its other columns, as a JSON object of texts; "" without any


@dataclass(frozen=True, slots=True)
class Source:
    """Photos that are on this machine."""

    name: str  # what to call them, such as in the name of a run folder
    root: Path  # the folder that they are in
    table: Path | None = None  # a table that names them and their classes, or None
    # The photos and their classes, where the source states them itself; else None, and the table or
    # the folders give the classes.
    lines: tuple[Line, ...] | None = None
    photo: Path | None = None  # the only photo, where the address was that of one
