"""Draw the figure of a hyperparameter search: the scores of the trials, and the importances."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from pawsight.evaluation.importance import Importance
from pawsight.report.figure_style import BLUE, INK, LINE, ORANGE, new_figure, percent_ticks, styled

_SIZE = (7.2, 3.0)  # inches


@styled
def draw_tuning(scores: Sequence[float], importances: Sequence[Importance]) -> Figure:
    """Draw the scores of the completed trials, the first of which is the default recipe.

    Args:
        scores: Validation accuracy of each trial, 0..1.
        importances: From `importances`; if empty, only the scores are drawn.
    """
    figure, axes = new_figure(_SIZE, ncols=2 if importances else 1, squeeze=False)
    left = axes[0, 0]
    numbers = range(1, len(scores) + 1)
    left.axhline(scores[0], color=LINE, linewidth=1.2)
    left.plot(numbers, scores, "o", color=BLUE)
    left.plot([1], scores[:1], "o", color=ORANGE, markersize=6, label="default recipe")
    left.set_xlabel("trial")
    left.set_ylabel("validation accuracy")
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.yaxis.set_major_formatter(percent_ticks())
    left.legend(loc="best")
    if not importances:
        return figure
    right = axes[0, 1]
    from_bottom = importances[::-1]
    right.barh(
        [importance.name for importance in from_bottom],
        [importance.mean for importance in from_bottom],
        xerr=[importance.spread for importance in from_bottom],
        color=BLUE,
        ecolor=INK,
        capsize=3,
    )
    right.set_xlim(0, 1)
    right.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    right.set_xlabel("share of the variation of the score")
    return figure
