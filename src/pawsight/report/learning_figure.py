"""Draw a learning curve: measured accuracies, and the forecast with more photos."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from pawsight.evaluation.photo_needs import LearningCurve
from pawsight.report.figure_style import BLUE, ORANGE, new_figure, percent_ticks, styled

_MIN_RATIO = 1.5  # of neighbouring labels on the axis


@styled
def draw_learning_curve(curve: LearningCurve) -> Figure:
    """Draw accuracy against training photos: measured in blue, the forecast in orange."""
    figure, axes = new_figure()
    numbers, accuracies = zip(*curve.points, strict=True)
    axes.plot(numbers, accuracies, "o-", color=BLUE, label="measured")
    expected = (curve.all.now, curve.all.twice, curve.all.four_times)
    expected_numbers = [forecast.num_photos for forecast in expected]
    axes.fill_between(
        expected_numbers,
        [forecast.low for forecast in expected],
        [forecast.high for forecast in expected],
        color=ORANGE,
        alpha=0.2,
        linewidth=0,
        label="90 % interval",
    )
    expected_accuracies = [forecast.accuracy for forecast in expected]
    axes.plot(expected_numbers, expected_accuracies, "o--", color=ORANGE, label="expected")
    axes.set_xscale("log")
    ticks = _apart({*numbers, *expected_numbers})
    axes.set_xticks(ticks, [_count(number) for number in ticks], rotation=40, ha="right")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(percent_ticks())
    axes.set_xlabel("training photos")
    axes.set_ylabel("accuracy")
    axes.legend(loc="best")
    return figure


def _apart(numbers: set[int]) -> list[int]:
    """Return those numbers whose labels do not overlap on the axis, the largest first."""
    kept: list[int] = []
    for number in sorted(numbers, reverse=True):
        if not kept or number <= kept[-1] / _MIN_RATIO:
            kept.append(number)
    return kept


def _count(number: int) -> str:
    return f"{number:,}" if number < 10_000 else f"{number / 1000:,.0f},000"
