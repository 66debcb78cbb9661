"""Draw accuracy over time of all peers, a panel for each set of photos, from the saved results."""

from pathlib import Path

import peer_results
from curves import INK, LINE, QUIET
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MultipleLocator, NullLocator

from pawsight.storage.atomic import replacing

# Told apart by every kind of colour vision; pawsight's own two are drawn thicker.
COLOURS = {
    "auto": "#0f766e",
    "swift": "#5eb8a8",
    "keras_transfer": "#e0702b",
    "frigate": "#b8860b",
    "fastai": "#3b82c4",
    "ultralytics": "#8b5fbf",
    "keras_io": "#6b7280",
}
_ACCURACIES = (0.2, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)


def save(results: list[dict], path: Path) -> None:
    with replacing(path) as temporary:
        draw(results).savefig(temporary, facecolor="white")


def draw(results: list[dict]) -> Figure:
    """Validation over time as thin lines; the accuracy on test photos as the dot at the end."""
    found = peer_results.sets(results)
    figure = Figure(figsize=(5.2 * len(found), 4.6), dpi=150, layout="constrained")
    panels = figure.subplots(1, len(found), squeeze=False)[0]
    for axes, ((photos, minutes), records) in zip(panels, found.items(), strict=True):
        scored = [one for one in records if "test" in one]
        for record in scored:
            _draw_peer(axes, record)
        _name_ends(axes, scored)
        _shape(axes, scored)
        axes.set_title(f"{photos}, {minutes:g} min each", color=INK, fontsize=10, loc="left")
    panels[0].set_ylabel("right on validation photos; dots: on test photos", color=INK)
    return figure


def _draw_peer(axes: Axes, record: dict) -> None:
    name = record["peer"]
    is_ours = name in peer_results.OURS
    points = [(seconds, _wrong(accuracy)) for seconds, accuracy in record["curve"]]
    style = {"color": COLOURS[name], "linewidth": 2.0 if is_ours else 1.2, "alpha": 0.8}
    axes.plot(*zip(*points, strict=True), "o-", markersize=3, solid_capstyle="round", **style)
    end = (record["curve"][-1][0], _wrong(record["test"]))
    axes.plot(*end, "o", color=COLOURS[name], markersize=8, markeredgecolor="white", zorder=3)


def _name_ends(axes: Axes, records: list[dict]) -> None:
    """Write each name beside its last dot, from the best down, without two on one another."""
    gap = 0.052  # of the height of the panel
    shown = [_wrong(accuracy) for one in records for _, accuracy in one["curve"]]
    shown += [_wrong(one["test"]) for one in records]
    axes.set_yscale("log")
    axes.set_ylim(max(shown) * 1.1, min(shown) / 1.3)
    last = 2.0
    for record in sorted(records, key=lambda one: -one["test"]):
        end = (record["curve"][-1][0], _wrong(record["test"]))
        height = axes.transAxes.inverted().transform(axes.transData.transform(end))[1]
        last = min(height, last - gap)
        title = peer_results.TITLES[record["peer"]].replace("`", "")
        axes.text(
            1.02,
            last,
            f"{100 * record['test']:.1f} %  {title}",
            transform=axes.transAxes,
            color=COLOURS[record["peer"]],
            fontsize=8.5,
            weight="bold" if record["peer"] in peer_results.OURS else "normal",
            va="center",
        )


def _shape(axes: Axes, records: list[dict]) -> None:
    axes.set_xlim(0, max(record["curve"][-1][0] for record in records) * 1.06)
    axes.xaxis.set_major_locator(MultipleLocator(60))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 60:g} min"))
    axes.yaxis.set_major_locator(FixedLocator([1 - accuracy for accuracy in _ACCURACIES]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * (1 - value):.3g} %"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
        axis.set_tick_params(length=0, pad=6, labelcolor=INK, labelsize=9)
    axes.grid(color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(QUIET)
    axes.set_xlabel("time since the process began", color=INK)


def _wrong(accuracy: float) -> float:
    """The share that is wrong, kept above zero for the logarithm."""
    return max(1 - accuracy, 1e-3)
