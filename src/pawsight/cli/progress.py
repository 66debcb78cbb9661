"""Show the progress of a stage on standard error: bars on a terminal, else a line now and then.

Standard output stays free for results. Rich is imported when the first stage
begins, since help and quick commands need no bars.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pawsight.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

LINE_SECONDS = 10.0  # between two plain lines of one stage


@contextlib.contextmanager
def shown() -> Iterator[Progress]:
    """Give the progress that suits standard error, and clear it away at the end."""
    is_terminal = sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
    progress = Bars() if is_terminal else Lines()
    try:
        yield progress
    finally:
        progress.close()


class Bars:
    """A bar per stage with count, rate, time left and the newest facts."""

    def __init__(self) -> None:
        self._rich: RichProgress | None = None
        self._task: TaskID | None = None
        self._facts: dict[str, float | str] = {}

    def start(self, task: str, total: int | None = None, unit: str = "") -> None:
        """Finish the bar of the stage before, and begin one."""
        if self._rich is None:
            self._rich = _bars()
            self._rich.start()
        self._finish()
        self._facts = {}
        self._task = self._rich.add_task(task, total=total, unit=unit, facts="")

    def advance(self, done: int, **facts: float | str) -> None:
        """Move the bar; facts stay until newer ones come."""
        if self._rich is None or self._task is None:
            return
        self._facts |= facts
        self._rich.update(self._task, advance=done, facts=facts_text(self._facts))

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        if self._rich is None:
            print(text, file=sys.stderr, flush=True)
        else:
            self._rich.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Leave the last bar as it is."""
        if self._rich is not None:
            self._finish()
            self._rich.stop()

    def _finish(self) -> None:
        if self._rich is not None and self._task is not None:
            self._rich.stop_task(self._task)


class Lines:
    """A plain line when a stage begins, every ten seconds or epoch, and when it ends."""

    def __init__(self) -> None:
        self._task = ""
        self._total: int | None = None
        self._unit = ""
        self._done = 0
        self._facts: dict[str, float | str] = {}
        self._began = self._told = 0.0
        self._is_told = True

    def start(self, task: str, total: int | None = None, unit: str = "") -> None:
        """Say how the stage before ended, and that one begins."""
        self._end()
        self._task, self._total, self._unit = task, total, unit
        self._done, self._facts = 0, {}
        self._began = self._told = time.monotonic()
        self._is_told = True
        amount = "" if total is None else f": {total:,} {unit}".rstrip()
        self._say(task + amount)

    def advance(self, done: int, **facts: float | str) -> None:
        """Count, and say so if the last line is ten seconds old or an epoch ended."""
        is_new_epoch = "epoch" in facts and facts["epoch"] != self._facts.get("epoch")
        had_epoch = "epoch" in self._facts
        if is_new_epoch and had_epoch:
            self._tell()
        self._done += done
        self._facts |= facts
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
        spent = self._told - self._began
        if self._total:
            count = f"{self._done:,} of {self._total:,} {self._unit}".rstrip()
        else:
            count = f"{self._done:,} {self._unit}".rstrip()
        parts = [count]
        if self._total and 0 < self._done < self._total and spent >= 1:
            left = spent / self._done * (self._total - self._done)
            parts.append(f"{duration_text(left)} left")
        if self._done and spent >= 1:
            parts.append(f"{self._done / spent:,.1f} {self._unit or 'done'}/s")
        if self._facts:
            parts.append(facts_text(self._facts))
        self._say(f"{self._task}: {', '.join(parts)}")

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


def facts_text(facts: dict[str, float | str]) -> str:
    """Write facts for people: `loss 0.312, accuracy 87.1 %, epoch 3`."""
    return ", ".join(
        f"{name.replace('_', ' ')} {_value_text(name, value)}" for name, value in facts.items()
    )


def duration_text(seconds: float) -> str:
    """Write a time for people: `45 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _value_text(name: str, value: float | str) -> str:
    if isinstance(value, str):
        return value
    if name.endswith("accuracy"):
        return f"{100 * value:.1f} %"
    return str(value) if isinstance(value, int) else f"{value:.3g}"


def _bars() -> RichProgress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        SpinnerColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as RichProgress
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            unit = task.fields["unit"]
            return Text(
                f"{speed:,.0f} {unit}/s" if speed and unit else "", style="progress.data.speed"
            )

    class Time(ProgressColumn):
        """Time left while a stage runs, and what it took at its end."""

        left, took = TimeRemainingColumn(), TimeElapsedColumn()

        def render(self, task: Task) -> Text:
            is_over = task.stop_time is not None or task.finished or task.total is None
            return self.took.render(task) if is_over else self.left.render(task)

    return RichProgress(
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        Rate(),
        Time(),
        TextColumn("{task.fields[facts]}", markup=False),
        console=Console(stderr=True),
        redirect_stdout=False,
        redirect_stderr=False,
    )
