"""Show the progress of a stage on standard error: bars on a terminal, else a line now and then.

Standard output stays free for results.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator

from pawsight.progress import Progress

LINE_SECONDS = 10.0  # between two plain lines of one stage


@contextlib.contextmanager
def shown() -> Iterator[Progress]:
    """Give the progress that suits standard error, and clear it away at the end."""
    is_terminal = sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
    if is_terminal:
        from pawsight.cli.bars import Bars

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
        self._task = ""
        self._total: int | None = None
        self._unit = ""
        self._done = self._done_first = 0
        self._facts: dict[str, float | str] = {}
        self._first = self._told = 0.0
        self._is_told = True

    def start(self, task: str, total: int | None = None, unit: str = "") -> None:
        """Say how the stage before ended, and that one begins."""
        self._end()
        self._task, self._total, self._unit = task, total, unit
        self._done, self._facts = 0, {}
        self._told = time.monotonic()
        self._is_told = True
        self._say(task if total is None else f"{task}: {count_text(total, None, unit)}")

    def advance(self, done: int, **facts: float | str) -> None:
        """Count, and say so if the last line is ten seconds old."""
        if not self._done:
            # The pace counts from here: what came before was done by an earlier run, or waiting.
            self._first, self._done_first = time.monotonic(), done
        self._done += done
        self._total = int(facts.pop("total", self._total or 0)) or None
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
        parts = [count_text(self._done, self._total, self._unit)]
        spent, counted = self._told - self._first, self._done - self._done_first
        if spent >= 1 and counted > 0:
            if self._total and self._done < self._total:
                left = spent / counted * (self._total - self._done)
                parts.append(f"{duration_text(left)} left")
            if not has_rate(self._facts):
                parts.append(f"{count_text(counted / spent, None, self._unit)}/s")
        if self._facts:
            parts.append(facts_text(self._facts, self._unit))
        self._say(f"{self._task}: {', '.join(parts)}")

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


def facts_text(facts: dict[str, float | str], unit: str = "") -> str:
    """Write facts for people: `epoch 3, 329 images/s, loss 0.312, accuracy 87.1 %`.

    `rate` counts units, and a name that ends in `_per_second` what it begins with.
    """
    return ", ".join(_fact_text(name, value, unit) for name, value in facts.items())


def has_rate(facts: dict[str, float | str]) -> bool:
    """Whether the facts tell the speed themselves."""
    return any(name == "rate" or name.endswith("_per_second") for name in facts)


def count_text(done: float, total: int | None, unit: str) -> str:
    """Write an amount for people: `1,200 of 3,000 photos`, `12.5 of 40.0 MB`."""
    scale, unit = (1e6, "MB") if unit == "bytes" else (1, unit)
    is_whole = scale == 1 and (isinstance(done, int) or done >= 10)
    amounts = [done] if total is None else [done, total]
    text = " of ".join(f"{amount / scale:,.{0 if is_whole else 1}f}" for amount in amounts)
    return f"{text} {unit}".rstrip()


def duration_text(seconds: float) -> str:
    """Write a time for people: `45 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _fact_text(name: str, value: float | str, unit: str) -> str:
    if isinstance(value, str):
        return f"{_spaced(name)} {value}"
    if name == "rate":
        return f"{count_text(float(value), None, unit)}/s"
    if name.endswith("_per_second"):
        return f"{count_text(float(value), None, _spaced(name.removesuffix('_per_second')))}/s"
    if name.endswith("accuracy"):
        return f"{_spaced(name)} {100 * value:.1f} %"
    return f"{_spaced(name)} {value if isinstance(value, int) else format(value, '.3g')}"


def _spaced(name: str) -> str:
    return name.replace("_", " ")
