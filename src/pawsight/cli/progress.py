"""Progress on standard error: bars on a terminal, else a line from time to time."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator

from pawsight.addresses import public_text
from pawsight.errors import PawsightError
from pawsight.formatting import printable_lines
from pawsight.progress import Progress
from pawsight.progress_text import Stage

LINE_SECONDS = 10.0  # between two plain lines of one stage


@contextlib.contextmanager
def shown() -> Iterator[Progress]:
    """Yield a progress display, bars or lines, and close it at the end."""
    is_terminal = sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
    if is_terminal:
        from pawsight.cli.progress_bars import BarProgress

        progress: BarProgress | LineProgress = BarProgress()
    else:
        progress = LineProgress()
    try:
        yield progress
    except PawsightError:
        raise
    except Exception as error:
        if progress.task and not getattr(error, "__notes__", ()):
            error.add_note(f"While: {progress.task}")
        raise
    finally:
        progress.close()


class LineProgress:
    """A plain line when a stage begins, every ten seconds, and when it ends."""

    def __init__(self) -> None:
        self._stage = Stage()
        self._shown_at = 0.0
        self._is_shown = True

    @property
    def task(self) -> str:
        """The stage that began last."""
        return self._stage.task

    def start(self, task: str, total: int | None = None, unit: str = "") -> None:
        """Print the end of the previous stage and the start of this one."""
        self._end()
        self._stage = Stage(task, total, unit)
        self._shown_at = time.monotonic()
        self._is_shown = True
        self._print(self._stage.start_line())

    def advance(self, done: int, **facts: float | str) -> None:
        """Count, and print a line if the last one is ten seconds old."""
        self._stage.advance(done, facts, time.monotonic())
        self._is_shown = False
        if time.monotonic() - self._shown_at >= LINE_SECONDS:
            self._print_progress()

    def note(self, text: str) -> None:
        """Print a line."""
        self._print(text)

    def close(self) -> None:
        """Print the end of the last stage."""
        self._end()

    def _end(self) -> None:
        if not self._is_shown:
            self._print_progress()

    def _print_progress(self) -> None:
        self._shown_at = time.monotonic()
        self._is_shown = True
        self._print(self._stage.progress_line(self._shown_at))

    def _print(self, text: str) -> None:
        print(printable_lines(public_text(text)), file=sys.stderr, flush=True)
