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
    values: dict[str, Value]  # the value of each searched setting; numbers are factors
    state: str  # "complete", "pruned" (it fell behind), "fail"
    # Validation accuracy, balanced where classes are uneven, 0..1; None if it failed.
    score: float | None
    minutes: float  # its duration


@dataclass(frozen=True, slots=True)
class Tuning:
    """The result of a search.

    Attributes:
        folder: The folder of the search, with study.db, trials.csv, tuning.png, default/, winner/.
        trials: The trials, in order.
        importances: The importance of each setting, the largest first; empty with few trials.
        winner: The run with the best settings; None if the default recipe is the best.
        comparison: The default recipe and the winner on the test photos; None without a winner.
    """

    folder: Path
    trials: list[TunedTrial]
    importances: list[Importance]
    winner: Run | None
    comparison: Comparison | None

    @property
    def pair(self) -> Pair | None:
        """The comparison of default recipe (first) and winner (second); None without a winner."""
        return None if self.comparison is None else self.comparison.pairs[0]

    @property
    def is_better(self) -> bool:
        """Whether the winner beats the default recipe by more than chance."""
        pair = self.pair
        return pair is not None and pair.is_significant and pair.second_only > pair.first_only


def write_trials(
    folder: Path, names: Sequence[str], trials: Sequence[TunedTrial], importances: list[Importance]
) -> None:
    """Write the table of the trials, and the figure of their scores and the importances.

    Args:
        folder: The folder of the search.
        names: The searched settings.
        trials: The trials that have ended.
        importances: The importance of each setting.
    """
    from pawsight.report.figure_style import save_figure
    from pawsight.report.tuning_figure import draw_tuning

    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["trial", "state", "score", "minutes", *names])
    for trial in trials:
        score = "" if trial.score is None else f"{trial.score:.6g}"
        values = [trial.values.get(name, "") for name in names]
        rows.writerow([trial.number, trial.state, score, f"{trial.minutes:.3f}", *values])
    write_text(folder / "trials.csv", text.getvalue())
    scores = [t.score for t in trials if t.state == "complete" and t.score is not None]
    save_figure(draw_tuning(scores, importances), folder / "tuning")
