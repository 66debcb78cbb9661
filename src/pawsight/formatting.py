"""Numbers as people read them: one way to write percentages, counts and durations."""

from __future__ import annotations

from collections.abc import Sequence

MISSING = "-"


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share as "96.4 %"; None, which is undefined, as a dash.

    A share just below 1 or just above 0 gets up to three digits rather than be
    rounded to "100.0 %" or "0.0 %".
    """
    if share is None:
        return MISSING
    texts = [f"{share * 100:.{d}f}" for d in range(digits, 4)]
    honest = (text for text in texts if share in (0, 1) or float(text) not in (0.0, 100.0))
    return f"{next(honest, texts[0])} %"


def percent_interval(low_high: Sequence[float]) -> str:
    """Write an interval of shares as "94.4 to 97.7"."""
    low, high = (percent(end).removesuffix(" %") for end in low_high)
    return f"{low} to {high}"


def decimal(value: float | None, digits: int = 3) -> str:
    """Write a number with so many digits after the point; None as a dash."""
    return MISSING if value is None else f"{value:.{digits}f}"


def counted(number: int, one: str, many: str = "") -> str:
    """Write a count with its noun: "1 photo", "1,200 photos"; `many` defaults to `one` + "s"."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def duration(seconds: float) -> str:
    """Write a duration as "42 s", "4 min 12 s" or "1 h 05 min"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
