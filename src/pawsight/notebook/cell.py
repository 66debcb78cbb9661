"""A `Progress` in a notebook's cell: a line with a bar, the notes, and curves.

Two displays, of HTML and of an image, are updated in place, which every front end
supports without widgets or scripts. The last state stays in the notebook.
"""

from __future__ import annotations

import base64
import html
import io
import math
import time
from collections.abc import Callable
from typing import Any

from pawsight.formatting import counted
from pawsight.progress_text import Stage

_TEXT_SECONDS = 0.5  # between two updates of the line
_DRAWING_SHARE = 0.05  # the largest share of the time for drawing curves
_LATEST = 8  # lines in view; the others are collapsed
# Facts that are drawn as curves.
_CURVES = (
    "epoch",
    "loss",
    "accuracy",
    "validation_loss",
    "validation_accuracy",
    "validation_balanced_accuracy",
)
_DRAWN_DPI, _SHOWN_DPI = 144, 72  # twice the resolution, for high-resolution screens


class NotebookProgress:
    """Shows stages and notes; draws accuracy and loss once a stage reports validations.

    Args:
        display: IPython's `display`.
        clock: Returns monotonic time in seconds.
    """

    def __init__(
        self, display: Callable[..., Any], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._display = display
        self._clock = clock
        self._text: Any = None  # the two displays, after their first use
        self._picture: Any = None
        self._lines: list[str] = []
        self._stage: Stage | None = None
        self._shown_at = 0.0
        self._courses: dict[str, list[float]] = {}
        self._num_points = self._num_drawn = 0
        self._draw_at = 0.0

    def start(self, task: str, total: int | None = None, unit: str = "") -> None:
        """Finish the previous stage as a line, and draw the bar of the next one."""
        self._end()
        self._stage = Stage(task, total, unit)
        self._show()

    def advance(self, done: int, **facts: float | str) -> None:
        """Advance the bar; a validation adds a point to the curves."""
        if self._stage is None:
            return
        now = self._clock()
        self._stage.advance(done, facts, now)
        if "validation_accuracy" in facts:
            self._add_point(self._stage.facts)
        if self._num_drawn < self._num_points and now >= self._draw_at:
            self._draw()
        if now - self._shown_at >= _TEXT_SECONDS:
            self._show()

    def note(self, text: str) -> None:
        """Add a line."""
        self._lines.append(text)
        self._show()

    def close(self) -> None:
        """Finish the last stage as a line, and draw the curves."""
        self._end()
        if self._num_drawn < self._num_points:
            self._draw()
        if self._lines:
            self._show()

    def _end(self) -> None:
        if self._stage is not None:
            stage, now = self._stage, self._clock()
            self._lines.append(stage.progress_line(now) if stage.done else stage.start_line())
            self._stage = None

    def _add_point(self, facts: dict[str, float | str]) -> None:
        """Add a point to each curve, under the names of the history's columns."""
        names = {"loss": "train_loss", "accuracy": "train_accuracy"}
        point = {names.get(name, name): float(facts[name]) for name in facts if name in _CURVES}
        num_points = self._num_points
        for column in {**self._courses, **point}:
            course = self._courses.setdefault(column, [math.nan] * num_points)
            course.append(point.get(column, math.nan))
        self._num_points += 1

    def _show(self) -> None:
        self._shown_at = self._clock()
        lines = list(self._lines)
        if self._stage is not None:
            is_begun = self._stage.done > 0
            lines.append(
                self._stage.progress_line(self._shown_at) if is_begun else self._stage.start_line()
            )
        bundle = {"text/plain": "\n".join(lines), "text/html": self._html(lines)}
        self._text = _updated(self._text, self._display, bundle)

    def _html(self, lines: list[str]) -> str:
        written = [html.escape(line) for line in lines]
        if self._stage is not None:
            written[-1] = _bar(self._stage) + written[-1]
        folded, latest = "", written
        if len(lines) > _LATEST:
            earlier, latest = written[:-_LATEST], written[-_LATEST:]
            folded = (
                f"<details><summary>{counted(len(earlier), 'line')} before</summary>"
                f"{'<br>'.join(earlier)}</details>"
            )
        return f'<div style="white-space: pre-wrap">{folded}{"<br>".join(latest)}</div>'

    def _draw(self) -> None:
        from pawsight.report.figures import draw_courses  # imports Matplotlib

        began = self._clock()
        figure = draw_courses(self._courses)
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=_DRAWN_DPI)
        inches = figure.get_size_inches()
        bundle = {
            "text/plain": "accuracy and loss, epoch by epoch",
            "image/png": base64.b64encode(picture.getvalue()).decode(),
        }
        width, height = (round(_SHOWN_DPI * side) for side in inches)
        size = {"image/png": {"width": width, "height": height}}
        self._picture = _updated(self._picture, self._display, bundle, metadata=size)
        self._num_drawn = self._num_points
        now = self._clock()
        self._draw_at = now + (now - began) / _DRAWING_SHARE


def _bar(stage: Stage) -> str:
    """Return an HTML progress bar; indeterminate where the total is unknown."""
    if stage.total is None:
        return '<progress style="vertical-align: middle"></progress> '
    return (
        f'<progress style="vertical-align: middle" value="{min(stage.done, stage.total)}" '
        f'max="{stage.total}"></progress> '
    )


def _updated(
    handle: Any, display: Callable[..., Any], bundle: dict[str, str], **options: Any
) -> Any:
    """Update a display with a bundle, or create the display; return it."""
    if handle is None:
        return display(bundle, raw=True, display_id=True, **options)
    handle.update(bundle, raw=True, **options)
    return handle
