"""The progress of a trial of a search; ends the trial if it falls behind."""

from __future__ import annotations

from collections.abc import Callable

from pawsight.progress import Progress

PRUNED_STEPS = 20  # a run is divided into these steps, at which trials are compared


class PrunedError(Exception):
    """A trial fell behind the others."""


class TrialProgress:
    """Passes progress on, and reports the scores of a trial.

    Args:
        progress: Receives stages and progress, but no notes.
        fell_behind: Receives a score and its step, 0..19; returns whether to end the trial.
    """

    def __init__(self, progress: Progress, fell_behind: Callable[[float, int], bool]) -> None:
        self._progress = progress
        self._fell_behind = fell_behind
        self._done, self._total = 0, 0

    def start(self, task: str, total: int | None = None, unit: str = "") -> None:
        """Pass the stage on."""
        self._done, self._total = 0, total or 0
        self._progress.start(task, total, unit)

    def advance(self, done: int, **facts: float | str) -> None:
        """Pass the progress on, and report the score of a validation; raises PrunedError."""
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
        """Discard the note, since a search has many runs."""
