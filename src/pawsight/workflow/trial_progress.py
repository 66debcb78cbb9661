"""The progress of a trial of a search, through which one that falls behind is ended."""

from __future__ import annotations

from collections.abc import Callable

from pawsight.progress import Progress

PRUNED_STEPS = 20  # parts of a run in which its score is compared with that of others


class PrunedError(Exception):
    """A trial fell behind the others."""


class TrialProgress:
    """Reports the scores of a running trial; ends one that falls behind."""

    def __init__(self, progress: Progress, fell_behind: Callable[[float, int], bool]) -> None:
        self._progress = progress
        self._fell_behind = fell_behind
        self._done, self._total = 0, 0

    def start(self, task: str, total: int | None = None, unit: str = "") -> None:
        """Pass it on."""
        self._done, self._total = 0, total or 0
        self._progress.start(task, total, unit)

    def advance(self, done: int, **facts: float | str) -> None:
        """Pass it on, and report a score; raises PrunedError."""
        self._progress.advance(done, **facts)
        self._done += done
        self._total = int(facts.get("total", self._total))
        name = "validation_balanced_accuracy"
        score = facts.get(name, facts.get("validation_accuracy"))
        if score is not None and self._done and self._total:
            step = PRUNED_STEPS * self._done // self._total
            if step < PRUNED_STEPS and self._fell_behind(float(score), step):
                raise PrunedError

    def note(self, text: str) -> None:
        """Discard it: a search has many runs."""
