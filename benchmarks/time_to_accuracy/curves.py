"""Draw validation accuracy over wall time, of all contestants, from the saved results alone.

    python benchmarks/time_to_accuracy/curves.py      writes docs/images/time_to_accuracy.png

Both axes are logarithmic: time, and the share that is still wrong, so that the
step from 95 to 97.5 % is as tall as that from 90 to 95 %, which is as much work.
"""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from results import GOALS, NAMES, groups, load, median, middle

from pawsight.storage.atomic import replacing

PICTURE_PATH = Path(__file__).resolve().parents[2] / "docs" / "images" / "time_to_accuracy.png"
# Told apart by every kind of colour vision, and on paper of any shade: the ground is white.
COLOURS = {"swift": "#0f766e", "colab_script": "#e0702b", "keras_io": "#3b82c4"}
INK, QUIET, LINE = "#1f2937", "#6b7280", "#d1d5db"
_CORNER = {"color": QUIET, "linewidth": 1.0, "zorder": 1.5}
ACCURACIES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995)
_MINUTES = {minutes * 60: f"{minutes} min" for minutes in (1, 2, 4, 10, 30)}
_HOURS = {hours * 3600: f"{hours} h" for hours in (1, 2, 4, 8, 16)}
TIMES = {10: "10 s", 30: "30 s", **_MINUTES, **_HOURS}


def main() -> None:
    save_picture(load(), PICTURE_PATH)


def save_picture(results: dict, path: Path) -> None:
    with replacing(path) as temporary:
        draw(results).savefig(temporary, facecolor="white")


def draw(results: dict) -> Figure:
    """One line a budget and contestant, that of its middle seed; a dot where it ends.

    A bar through the dot spans the accuracies of all seeds.
    """
    figure = Figure(figsize=(8.4, 4.8), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    found = groups(results)
    for (name, minutes), records in found.items():
        _draw_contestant(axes, name, minutes, records)
    _draw_goals(axes)
    _name_contestants(axes, found)
    _shape(axes, [point for records in found.values() for one in records for point in one["curve"]])
    return figure


def _draw_contestant(axes: Axes, name: str, minutes: float | None, records: list[dict]) -> None:
    colour = COLOURS[name]
    seconds, accuracies = zip(*middle(records)["curve"], strict=True)
    wrong = [_wrong(accuracy) for accuracy in accuracies]
    axes.plot(seconds, wrong, color=colour, linewidth=1.1, alpha=0.75, solid_capstyle="round")
    if minutes is None:
        axes.plot(seconds, wrong, "o", color=colour, markersize=3)
    end = median(records, "process_seconds")
    ends = sorted(_wrong(record["accuracy"]) for record in records)
    axes.plot([end, end], [ends[0], ends[-1]], color=colour, linewidth=2.5, alpha=0.6)
    wrong_at_end = _wrong(median(records, "accuracy"))
    axes.plot([end], [wrong_at_end], "o", color=colour, markersize=8, markeredgecolor="white")
    axes.annotate(
        f"{100 * (1 - wrong_at_end):.1f} %",
        (end, wrong_at_end),
        xytext=(8, 2),
        textcoords="offset points",
        color=colour,
        fontsize=9,
        weight="bold",
    )


def _draw_goals(axes: Axes) -> None:
    """Draw a corner at each goal: what ends above and left of it has reached it."""
    for minutes, accuracy in GOALS.items():
        end, wrong = minutes * 60, 1 - accuracy
        axes.plot([end / 1.35, end, end], [wrong, wrong, wrong / 1.25], **_CORNER)


def _name_contestants(axes: Axes, found: dict) -> None:
    for name in dict.fromkeys(name for name, _ in found):
        planned = [one for (other, _), many in found.items() if other == name for one in many]
        label = NAMES[name]
        if name == "swift":
            budgets = [f"{minutes:g}" for other, minutes in found if other == name]
            label += f", given {', '.join(budgets)} min"
        elif any(len(one["curve"]) < one["epochs_planned"] for one in planned):
            epochs = max(len(one["curve"]) for one in planned)
            label += f", stopped after {epochs} of {planned[0]['epochs_planned']} epochs"
        axes.plot([], [], "o-", color=COLOURS[name], label=label)
    axes.plot([], [], **_CORNER, label="goals set beforehand: end above and left of the corner")
    axes.legend(loc="upper left", frameon=False, fontsize=9, labelcolor=INK)


def _shape(axes: Axes, points: list[list[float]]) -> None:
    """Scales, ticks and labels; the space above the curves is for the legend."""
    seconds = [*(one for one, _ in points), *(60 * minutes for minutes in GOALS)]
    wrong = [*(_wrong(accuracy) for _, accuracy in points), *(1 - goal for goal in GOALS.values())]
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(min(seconds) * 0.8, max(seconds) * 1.5)
    axes.set_ylim(max(wrong) * 1.15, min(wrong) / 2.4)
    axes.xaxis.set_major_locator(FixedLocator(list(TIMES)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: TIMES[round(value)]))
    axes.yaxis.set_major_locator(FixedLocator([1 - accuracy for accuracy in ACCURACIES]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * (1 - value):.3g} %"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
        axis.set_tick_params(length=0, pad=6, labelcolor=INK, labelsize=9)
    axes.grid(color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)
    axes.set_xlabel("time since the command was given, photos already read", color=INK)
    axes.set_ylabel("right on validation photos", color=INK)


def _wrong(accuracy: float) -> float:
    """The share that is wrong, kept above zero for the logarithm."""
    return max(1 - accuracy, 1e-4)


if __name__ == "__main__":
    main()
