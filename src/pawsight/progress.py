"""How a long stage tells of its progress without printing.

The library calls these three methods; the command line passes an object that
draws bars, a notebook one that draws curves, and the default stays silent.
"""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the news of a stage; the methods return at once and never raise."""

    def start(self, task: str, total: int | None = None, unit: str = "") -> None:
        """A stage begins; it ends when the next one starts.

        `total` counts units of work ("photos", "steps"), None if unknown.
        """

    def advance(self, done: int, **facts: float | str) -> None:
        """`done` units of the stage are finished; facts such as loss=0.31 come along."""

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
