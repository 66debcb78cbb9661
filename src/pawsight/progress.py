"""Report the progress of long stages without printing.

The library calls three methods. The command line passes an object that draws
bars, a notebook's cell draws curves (`pawsight.notebook`), and the default is
silent.
"""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path
from typing import Protocol

from pawsight.addresses import public_text
from pawsight.formatting import printable_lines


class Progress(Protocol):
    """Receives the progress of stages; its methods return at once and never raise."""

    def start(self, task: str, total: int | None = None, unit: str = "") -> None:
        """Start a stage; it ends when the next one starts.

        `total` counts units of work ("photos", "steps"), None if unknown.
        """

    def advance(self, done: int, **facts: float | str) -> None:
        """Count `done` more units of the stage, with facts such as loss=0.31.

        The fact `total` is a new number of units of the stage; `validation_accuracy` comes
        after each validation (`Epoch.facts`).
        """

    def note(self, text: str) -> None:
        """Show a sentence to the user: a choice that was made, a photo left out."""


class Silent:
    """A `Progress` that does nothing."""

    def start(self, task: str, total: int | None = None, unit: str = "") -> None:
        """Do nothing."""

    def advance(self, done: int, **facts: float | str) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""


SILENT = Silent()


class LoggedProgress:
    """A `Progress` that passes everything on, and logs stages and notes to a file."""

    def __init__(self, progress: Progress, path: Path) -> None:
        self._progress = progress
        self.advance = progress.advance
        self._path = path
        self.task = ""  # the stage that began last

    def start(self, task: str, total: int | None = None, unit: str = "") -> None:
        """Log and pass on."""
        self.task = task
        self.log(task if total is None else f"{task} ({total:,} {unit})")
        self._progress.start(task, total, unit)

    def note(self, text: str) -> None:
        """Log and pass on."""
        self.log(text)
        self._progress.note(text)

    def log(self, text: str) -> None:
        """Write a text to the log only."""
        # A full disk must not stop a run because its log cannot be written.
        with (
            contextlib.suppress(OSError),
            self._path.open("a", encoding="utf-8", errors="surrogateescape") as log,
        ):
            log.write(f"{datetime.now():%Y-%m-%d %H:%M:%S}  {printable_lines(public_text(text))}\n")
