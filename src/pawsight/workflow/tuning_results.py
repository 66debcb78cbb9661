"""The result of a search of settings."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pawsight.evaluation.comparison import Comparison, Pair
from pawsight.evaluation.importance import Importance
from pawsight.runs import Run
from pawsight.storage.atomic import write_text
from pawsight.training.search_space import Value


@dataclass(frozen=True, slots=True)
class TunedTrial:
    """One trial of a search."""

    number: int  # from 0; 0 is the default recipe
    values: dict[str, Value]  # the value of each searched setting; 1 is that of the recipe
    state: str  # "complete", "pruned" (it fell behind), "fail"
    # Validation accuracy, balanced where classes are uneven, 0..1; None if it failed.
    score: float | None
    minutes: float  # how long it took


@dataclass(frozen=True, slots=True)
class Tuning:
    """The result of a search.

    Attributes:
        folder: Where everything is: study.db, trials.csv, tuning.png, default/, winner/.
        trials: In their order.
        importances: What mattered, the most important first; empty with few trials.
        winner: The run with the best settings; None where the default recipe was the best.
        comparison: The default recipe and the winner on the test photos; None without winner.
    """

    folder: Path
    trials: list[TunedTrial]
    importances: list[Importance]
    winner: Run | None
    comparison: Comparison | None

    @property
    def pair(self) -> Pair | None:
        """How the winner differs from the default recipe: `second_only` photos are its gain."""
        return None if self.comparison is None else self.comparison.pairs[0]

    @property
    def is_better(self) -> bool:
        """Whether the winner beats the default recipe by more than chance."""
        pair = self.pair
        return pair is not None and pair.is_significant and pair.second_only > pair.first_only


def write_trials(
    folder: Path, names: Sequence[str], trials: Sequence[TunedTrial], found: list[Importance]
) -> None:
    """Write the table of the trials, and the figure of their scores and of what mattered.

    Args:
        folder: Of the search.
        names: The searched settings.
        trials: Those that have ended.
        found: The importance of each setting.
    """
    from pawsight.report.figure_style import save_figure
    from pawsight.report.tuning_figure import draw_tuning

    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["trial", "state", "score", "minutes", *names])
    for one in trials:
        score = "" if one.score is None else f"{one.score:.6g}"
        values = [one.values.get(name, "") for name in names]
        rows.writerow([one.number, one.state, score, f"{one.minutes:.3f}", *values])
    write_text(folder / "trials.csv", text.getvalue())
    scores = [one.score for one in trials if one.state == "complete" and one.score is not None]
    save_figure(draw_tuning(scores, found), folder / "tuning")
