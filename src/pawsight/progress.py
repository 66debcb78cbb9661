"""How a long stage tells of its progress without printing.

The library calls these three methods; the command line passes an object that
draws bars, a notebook's cell draws curves (`pawsight.notebook`), and otherwise
it stays silent.
"""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path
from typing import Protocol

from pawsight.addresses import public_text
from pawsight.formatting import printable_lines


class Progress(Protocol):
    """Receives the news of a stage; the methods return at once and never raise."""

    def start(self, task: str, total: int | None = None, unit: str = "") -> None:
        """A stage begins; it ends when the next one starts.

        `total` counts units of work ("photos", "steps"), None if unknown.
        """

    def advance(self, done: int, **facts: float | str) -> None:
        """`done` more units of the stage are finished; facts such as loss=0.31 come along.

        The fact `total` says how many units the stage has by now, where that changes;
        `validation_accuracy` comes when photos were looked at again (`Epoch.facts`).
        """

    def note(self, text: str) -> None:
        """A sentence for the user: a choice that was made, a photo left out."""


class Silent:
    """Tells nobody."""

    def start(self, task: str, total: int | None = None, unit: str = "") -> None:
        """Ignored."""

    def advance(self, done: int, **facts: float | str) -> None:
        """Ignored."""

    def note(self, text: str) -> None:
        """Ignored."""


class Logged:
    """Passes all news on, and writes stages and notes into a file with the time of day."""

    def __init__(self, progress: Progress, path: Path) -> None:
        self._progress = progress
        self._path = path

    def start(self, task: str, total: int | None = None, unit: str = "") -> None:
        """Logged and passed on."""
        self._write(task if total is None else f"{task} ({total:,} {unit})")
        self._progress.start(task, total, unit)

    def advance(self, done: int, **facts: float | str) -> None:
        """Passed on."""
        self._progress.advance(done, **facts)

    def note(self, text: str) -> None:
        """Logged and passed on."""
        self._write(text)
        self._progress.note(text)

    def _write(self, text: str) -> None:
        # A full disk must not stop a run for the sake of its log.
        with (
            contextlib.suppress(OSError),
            self._path.open("a", encoding="utf-8", errors="surrogateescape") as log,
        ):
            log.write(f"{datetime.now():%Y-%m-%d %H:%M:%S}  {printable_lines(public_text(text))}\n")
