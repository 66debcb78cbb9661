"""The progress of a stage as text: `Training: 120 of 300 steps, 45 s left, loss 0.312`.

Used by the lines of the command line and by a notebook's cell.
"""

from __future__ import annotations

import math

from pawsight.formatting import duration, percent


class Stage:
    """Counts the progress of one stage; the caller passes the time.

    Args:
        task: What is done, for display.
        total: How many units there are, None if unknown.
        unit: What is counted: "photos", "steps"; "bytes" are shown as MB.
    """

    def __init__(self, task: str = "", total: int | None = None, unit: str = "") -> None:
        self.task = task
        self.total = total
        self.unit = unit
        self.done = 0
        self.facts: dict[str, float | str] = {}
        self._began = 0.0
        self._done_at_begin = 0

    def advance(self, done: int, facts: dict[str, float | str], now: float) -> None:
        """Count units at the time `now` in seconds; facts stay until newer values replace them."""
        if not self.done:
            # The rate is measured from here: the first units may be of an earlier run.
            self._began, self._done_at_begin = now, done
        self.done += done
        self.total = int(facts.get("total", self.total or 0)) or None
        self.facts |= {name: value for name, value in facts.items() if name != "total"}

    def start_line(self) -> str:
        """Return the line for the start of the stage."""
        if self.total is None:
            return self.task
        return f"{self.task}: {count_text(self.total, None, self.unit)}"

    def progress_line(self, now: float) -> str:
        """Return the line for progress: count, rate, time left, and the newest facts."""
        parts = [count_text(self.done, self.total, self.unit)]
        seconds, counted = now - self._began, self.done - self._done_at_begin
        if seconds >= 1 and counted > 0:
            if self.total and self.done < self.total:
                left = seconds / counted * (self.total - self.done)
                parts.append(f"{duration(left)} left")
            if not has_rate(self.facts):
                parts.append(rate_text(counted / seconds, self.unit))
        parts.append(facts_text(self.facts, self.unit))
        return f"{self.task}: {', '.join(filter(None, parts))}"


def facts_text(facts: dict[str, float | str], unit: str = "") -> str:
    """Write facts for display: `epoch 3, 329 images/s, loss 0.312, accuracy 87.1 %`.

    `rate` is in units per second, and `images_per_second` in images per second; a rate of 0 is left
    out, since nothing was timed yet.
    """
    return ", ".join(filter(None, (_fact_text(*fact, unit) for fact in facts.items())))


def has_rate(facts: dict[str, float | str]) -> bool:
    """Return whether the facts include a rate."""
    return any(name == "rate" or name.endswith("_per_second") for name in facts)


def count_text(done: float, total: int | None, unit: str) -> str:
    """Write an amount for display: `1,200 of 3,000 photos`, `1 photo`, `12.5 of 40.0 MB`.

    A total that is exceeded is left out, since it was an estimate.
    """
    scale, unit = (1e6, "MB") if unit == "bytes" else (1, unit)
    is_whole = scale == 1 and (isinstance(done, int) or done >= 10)
    amounts = [done] if total is None or done > total else [done, total]
    digits = 0 if is_whole else max(1, _leading_place(amounts[-1] / scale))
    text = " of ".join(f"{amount / scale:,.{digits}f}" for amount in amounts)
    is_one = isinstance(amounts[-1], int) and amounts[-1] == 1
    return f"{text} {unit.removesuffix('s') if is_one else unit}".rstrip()


def rate_text(rate: float, unit: str) -> str:
    """Write a rate for display: `12 photos/s`, `0.02 images/s`; "" for 0."""
    return f"{count_text(float(rate), None, unit)}/s" if rate else ""


def _leading_place(amount: float) -> int:
    """Return the decimal place of the first digit of an amount: 2 for 0.02, 0 for 1.5."""
    return -math.floor(math.log10(amount)) if amount > 0 else 0


def _fact_text(name: str, value: float | str, unit: str) -> str:
    if isinstance(value, str):
        return f"{_spaced(name)} {value}"
    if name == "rate":
        return rate_text(value, unit)
    if name.endswith("_per_second"):
        return rate_text(value, _spaced(name.removesuffix("_per_second")))
    if name.endswith("accuracy"):
        return f"{_spaced(name)} {percent(value)}"
    return f"{_spaced(name)} {value if isinstance(value, int) else format(value, '.3g')}"


def _spaced(name: str) -> str:
    return name.replace("_", " ")
