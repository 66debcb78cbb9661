"""Show the progress of a stage on standard error: bars on a terminal, else a line now and then.

Standard output stays free for results.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator

from pawsight.addresses import public_text
from pawsight.formatting import printable_lines
from pawsight.progress import Progress
from pawsight.progress_text import Stage

LINE_SECONDS = 10.0  # between two plain lines of one stage


@contextlib.contextmanager
def shown() -> Iterator[Progress]:
    """Give the progress that suits standard error, and clear it away at the end."""
    is_terminal = sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
    if is_terminal:
        from pawsight.cli.progress_bars import Bars

        progress: Bars | Lines = Bars()
    else:
        progress = Lines()
    try:
        yield progress
    finally:
        progress.close()


class Lines:
    """A plain line when a stage begins, every ten seconds, and when it ends."""

    def __init__(self) -> None:
        self._stage = Stage()
        self._told = 0.0
        self._is_told = True

    def start(self, task: str, total: int | None = None, unit: str = "") -> None:
        """Say how the stage before ended, and that one begins."""
        self._end()
        self._stage = Stage(task, total, unit)
        self._told = time.monotonic()
        self._is_told = True
        self._say(self._stage.beginning())

    def advance(self, done: int, **facts: float | str) -> None:
        """Count, and say so if the last line is ten seconds old."""
        self._stage.advance(done, facts, time.monotonic())
        self._is_told = False
        if time.monotonic() - self._told >= LINE_SECONDS:
            self._tell()

    def note(self, text: str) -> None:
        """Print a line."""
        self._say(text)

    def close(self) -> None:
        """Say how the last stage ended."""
        self._end()

    def _end(self) -> None:
        if not self._is_told:
            self._tell()

    def _tell(self) -> None:
        self._told = time.monotonic()
        self._is_told = True
        self._say(self._stage.standing(self._told))

    def _say(self, text: str) -> None:
        print(printable_lines(public_text(text)), file=sys.stderr, flush=True)
