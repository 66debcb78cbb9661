"""Progress bars for a terminal, drawn by Rich on standard error; NO_COLOR is respected."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from pawsight.addresses import public_text
from pawsight.formatting import printable, printable_lines
from pawsight.progress_text import count_text, facts_text, has_rate, rate_text


class BarProgress:
    """A bar per stage with count, rate and time left, and the newest facts on a line below."""

    def __init__(self, console: Console | None = None) -> None:
        self._rich = _RichProgress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            _Count(),
            _Rate(),
            _Time(),
            console=console or Console(stderr=True),
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self.task = ""  # the stage that began last
        self._task: TaskID | None = None
        self._facts: dict[str, float | str] = {}

    def start(self, task: str, total: int | None = None, unit: str = "") -> None:
        """Finish the bar of the previous stage, and add one."""
        self._finish()
        self._facts = {}
        self.task = task
        self._task = self._rich.add_task(
            printable(public_text(task)), total=total, unit=unit, facts={}
        )
        self._rich.start()

    def advance(self, done: int, **facts: float | str) -> None:
        """Advance the bar; facts stay until newer ones come."""
        if self._task is not None:
            total = facts.pop("total", None)
            self._facts = self._facts | facts
            self._rich.update(
                self._task,
                total=None if total is None else float(total),
                advance=done,
                facts=self._facts,
            )

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        shown = printable_lines(public_text(text))
        self._rich.console.print(shown, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Stop drawing, with the bars as they are."""
        if self._task is not None:  # without a bar, Rich would print an empty line
            self._finish()
            self._rich.stop()

    def _finish(self) -> None:
        if self._task is None:
            return
        task = self._rich.tasks[-1]
        if task.total is None:
            # The total is known only at the end.
            self._rich.update(self._task, total=task.completed or 1, completed=task.completed or 1)
        self._rich.stop_task(self._task)


class _RichProgress(Progress):
    """Rich's progress, with the facts of the last stage on a line below the bars."""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        task = self.tasks[-1] if self.tasks else None
        facts = "" if task is None else facts_text(task.fields["facts"], task.fields["unit"])
        if facts:
            yield Text(f"  {facts}", style="dim", no_wrap=True, overflow="ellipsis")


class _Count(ProgressColumn):
    def render(self, task: Task) -> Text:
        """`1,200 of 3,000 photos`; nothing for a stage that counts nothing."""
        if not task.fields["unit"]:
            return Text("")
        total = None if task.total is None or task.finished else int(task.total)
        return Text(count_text(int(task.completed), total, task.fields["unit"]))


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Units per second, while the stage runs and if the facts have no rate."""
        speed = task.finished_speed or task.speed
        if (
            not speed
            or task.stop_time is not None
            or not task.fields["unit"]
            or has_rate(task.fields["facts"])
        ):
            return Text("")
        return Text(rate_text(speed, task.fields["unit"]), style="dim")


class _Time(ProgressColumn):
    """The remaining time while a stage runs, and its duration at its end."""

    left, took = TimeRemainingColumn(), TimeElapsedColumn()

    def render(self, task: Task) -> Text:
        """`0:01:23`."""
        is_over = task.stop_time is not None or task.finished or task.total is None
        return self.took.render(task) if is_over else self.left.render(task)
