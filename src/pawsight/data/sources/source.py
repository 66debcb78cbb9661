"""The result of fetching a source: a local folder, with labels if the source states them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pawsight.records import Part


@dataclass(frozen=True, slots=True)
class Line:
    """A photo and a label of it, from a table; a photo of several labels has several lines."""

    path: str  # the path of the photo, absolute or relative to the folder of the photos
    label: str  # the class, "" if unknown
    part: Part | Literal[""] = ""  # the part, "" if the source has no parts
    group: str = ""  # photos of the same group stay in one part; "" is no group
    number: int = 0  # the number of the line in the table, for messages
    columns: str = ""  # the other columns, as a JSON object of texts; "" if there are none


@dataclass(frozen=True, slots=True)
class Source:
    """Photos on this machine."""

    name: str  # the name of the source, used for example in the name of a run folder
    root: Path  # the folder of the photos
    table: Path | None = None  # the table that names the photos and their classes, or None
    # The photos and their classes if the source states them itself; None if the table or the
    # folders give the classes.
    lines: tuple[Line, ...] | None = None
    photo: Path | None = None  # the only photo, if the source is the address of a photo
