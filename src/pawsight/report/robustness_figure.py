"""Draw the accuracy on corrupted photos."""

from __future__ import annotations

from itertools import cycle

from matplotlib.figure import Figure

from pawsight.evaluation.robustness import Robustness
from pawsight.report.figure_style import COLOURS, new_figure, percent_ticks, styled


@styled
def draw_robustness(robustness: Robustness) -> Figure:
    """Draw the accuracy with each corruption against its severity, 0 to 5."""
    figure, axes = new_figure()
    for (name, kind), colour in zip(robustness.kinds.items(), cycle(COLOURS), strict=False):
        shares = [robustness.share(count) for count in kind.num_correct]
        axes.plot(range(len(shares)), shares, "o-", color=colour, label=name)
    axes.set_xlabel("strength")
    axes.set_ylabel("accuracy")
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(percent_ticks())
    axes.legend(loc="lower left")
    return figure
