"""Draw the figures of a run with Matplotlib's objects (without pyplot or global state).

Blue and orange can be distinguished with every kind of colour vision. Each figure is
small, so that its text stays readable on a phone, and works for 2 classes and for 200.
"""

from __future__ import annotations

from math import isfinite
from textwrap import fill
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from pawsight.evaluation.curve_records import Curves
from pawsight.evaluation.results import PartMetrics
from pawsight.formatting import percent
from pawsight.history import Epoch, best_epoch
from pawsight.report.figure_style import (
    BLUE,
    COLOURS,
    GREEN,
    INK,
    LINE,
    ORANGE,
    SIZE,
    new_figure,
    percent_ticks,
    short,
    styled,
)
from pawsight.report.interpretation import top_confusions

_SERIES = (
    ("train", "training", BLUE, "--"),
    ("validation", "validation", ORANGE, "-"),
    ("validation_balanced", "validation, balanced", GREEN, "-"),
)
MAX_MATRIX_CLASSES = 20
_TITLE_WIDTH = 58  # characters that fit above a figure
_Line = tuple[tuple[float, ...], tuple[float, ...]]  # x and y coordinates of the points


@styled
def draw_history(history: list[Epoch], quantity: Literal["accuracy", "loss"]) -> Figure:
    """Draw training and validation accuracy or loss per epoch, and mark the best epoch.

    If classes are imbalanced, the balanced accuracy, by which the epoch was chosen, is also drawn.
    """
    figure, axes = new_figure()
    best = best_epoch(history)
    deciding, name, colour = f"validation_{quantity}", f"validation {quantity}", ORANGE
    columns = [f"train_{quantity}", deciding]
    if quantity == "accuracy" and best.validation_balanced_accuracy is not None:
        deciding, name, colour = "validation_balanced_accuracy", "balanced accuracy", GREEN
        columns.append(deciding)
    rows = [row for row in history if not row.is_extra]
    series = {column: [getattr(row, column) for row in rows] for column in columns}
    _draw_series(axes, {"epoch": [row.epoch for row in rows], **series}, quantity)
    value = getattr(best, deciding)
    axes.axvline(best.epoch, color=INK, linewidth=0.8, linestyle=":")
    if isfinite(value):
        axes.plot([best.epoch], [value], "o", color=colour, markersize=8, markeredgecolor=INK)
    other_size = [row for row in rows if row.validation_scale != best.validation_scale]
    for column in columns[1:]:  # hollow points: not at the image size of the finished model
        values = [getattr(row, column) for row in other_size]
        axes.plot([row.epoch for row in other_size], values, "o", color="white", markersize=2.5)
    text = percent(value) if quantity == "accuracy" else f"{value:.3g}"
    prefix = "Kept" if other_size else "Best"  # at another size, a row may be higher
    axes.set_title(fill(f"{prefix}: {best.title}, {name} {text}", _TITLE_WIDTH))
    axes.legend(loc="best")
    return figure


@styled
def draw_courses(series: dict[str, list[float]]) -> Figure:
    """Draw accuracy and loss side by side while a run trains, without marking an epoch.

    Args:
        series: Values by name of a column of the history, including `epoch`; all have the same
            length.
    """
    figure, columns = new_figure((2 * SIZE[0], SIZE[1]), ncols=2)
    for axes, quantity in zip(columns, ("accuracy", "loss"), strict=True):
        _draw_series(axes, series, quantity)
        axes.legend(loc="best")
    return figure


def _draw_series(axes: Axes, series: dict[str, list[float]], quantity: str) -> None:
    """Draw the lines of a quantity for which there are values."""
    for part, label, colour, dashes in _SERIES:
        if values := series.get(f"{part}_{quantity}"):
            # Without points if these would merge, and without a line through only two points.
            points = "o" if len(values) <= 30 else ""
            lines = dashes if len(values) > 2 else ""
            axes.plot(series["epoch"], values, points + lines, color=colour, label=label)
    axes.set_xlabel("epoch")
    axes.set_ylabel(quantity)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if quantity == "accuracy":
        axes.yaxis.set_major_formatter(percent_ticks())
    else:
        axes.set_ylim(bottom=0)


@styled
def draw_confusion(metrics: PartMetrics) -> Figure:
    """Draw the confusion matrix, or the most frequent confusions of more than 20 classes.

    In the matrix, correct answers are blue and mistakes orange; the colour is more intense
    for a larger share of the true class. Confusions are drawn as 20 bars.
    """
    class_names = metrics.class_names
    if len(class_names) > MAX_MATRIX_CLASSES:
        return _draw_top_confusions(metrics)
    num_classes = len(class_names)
    side = 3.4 + 0.18 * num_classes
    figure, axes = new_figure((side, side))
    names = [short(name) for name in class_names]
    for i, row in enumerate(metrics.confusion_matrix):
        for j, count in enumerate(row):
            _draw_cell(axes, i, j, count, sum(row), num_classes)
    axes.set(xlim=(0, num_classes), ylim=(num_classes, 0), aspect="equal")
    centres = [k + 0.5 for k in range(num_classes)]
    rotation = 0 if max(map(len, names)) * num_classes <= 24 else 60
    axes.set_xticks(centres, names, rotation=rotation, ha="right" if rotation else "center")
    axes.set_yticks(centres, names)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.grid(visible=False)
    return figure


@styled
def draw_roc(curves: Curves, metrics: PartMetrics) -> Figure:
    """Draw the ROC curve of each class; of more than 8 classes, name the hardest."""
    figure, axes = new_figure()
    draw_diagonal(axes)
    lines = {
        name: (curve.roc.false_positive_rate, curve.roc.true_positive_rate)
        for name, curve in curves.items()
        if curve.roc
    }
    draw_curves(axes, lines, metrics, "roc_auc", "lower right")
    axes.set_xlabel("false positive rate")
    axes.set_ylabel("true positive rate")
    return figure


@styled
def draw_precision_recall(curves: Curves, metrics: PartMetrics) -> Figure:
    """Draw the precision-recall curve of each class; of more than 8 classes, name the hardest."""
    figure, axes = new_figure()
    lines = {
        name: (curve.precision_recall.recall, curve.precision_recall.precision)
        for name, curve in curves.items()
        if curve.precision_recall
    }
    # In steps, since precision is not linear between two points of the curve.
    draw_curves(axes, lines, metrics, "average_precision", "lower left", "steps-pre")
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    return figure


@styled
def draw_reliability(metrics: PartMetrics) -> Figure:
    """Draw a reliability diagram: accuracy against predicted probability."""
    figure, (axes, below) = new_figure(nrows=2, sharex=True, height_ratios=(3, 1))
    bins = metrics.reliability
    lows, width = [b.low for b in bins], bins[0].high - bins[0].low
    bars = {"width": width * 0.92, "align": "edge"}
    axes.bar(lows, [b.accuracy for b in bins], color=BLUE, alpha=0.55, **bars)
    draw_diagonal(axes)
    confidences = [b.confidence for b in bins]
    axes.plot(confidences, [b.accuracy for b in bins], "o", color=BLUE)
    axes.set_ylabel("correct answers")
    axes.set_ylim(0, 1.03)
    below.bar(lows, [b.n / metrics.n for b in bins], color=ORANGE, **bars)
    below.set_xlim(0, 1)
    below.set_ylabel("photos")
    below.set_xlabel("probability of the answer")
    for axis in (axes.xaxis, axes.yaxis, below.yaxis):
        axis.set_major_formatter(percent_ticks())
    below.yaxis.set_major_locator(MaxNLocator(2))
    return figure


def _draw_cell(axes: Axes, i: int, j: int, count: int, total: int, num_classes: int) -> None:
    share = count / max(1, total)
    opacity = 0.08 + 0.92 * share if count else 0
    colour = BLUE if i == j else ORANGE
    axes.add_patch(Rectangle((j, i), 1, 1, facecolor=colour, alpha=opacity, linewidth=0))
    axes.add_patch(Rectangle((j, i), 1, 1, fill=False, edgecolor=LINE, linewidth=0.4))
    has_share = num_classes <= 5
    if not count and not has_share:
        return
    text = f"{count:,}\n{percent(share, 0)}" if has_share else f"{count}"
    size = "large" if has_share else "small" if num_classes <= 12 else "x-small"
    ink = "white" if opacity > 0.55 else INK
    axes.text(j + 0.5, i + 0.5, text, ha="center", va="center", fontsize=size, color=ink)


def _draw_top_confusions(metrics: PartMetrics) -> Figure:
    top = top_confusions(metrics, 20)
    figure, axes = new_figure((SIZE[0], 1.2 + 0.24 * len(top)))
    labels = [f"{short(c.truth)} → {short(c.predicted)}" for c in top]
    axes.barh(range(len(top)), [c.count for c in top], color=ORANGE, height=0.7)
    axes.set_yticks(range(len(top)), labels)
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("photos (true class → predicted class)" if top else "no mistakes")
    return figure


def draw_diagonal(axes: Axes) -> None:
    """Draw a thin dotted line from (0, 0) to (1, 1)."""
    axes.plot((0, 1), (0, 1), ":", color=INK, linewidth=0.8)


def draw_curves(
    axes: Axes,
    lines: dict[str, _Line],
    metrics: PartMetrics,
    score: str,
    place: Any,
    steps: Literal["default", "steps-pre"] = "default",
) -> None:
    """Draw a line for each class with a score; of more than 8 classes, name the hardest three.

    Args:
        axes: The axes.
        lines: The line of each class.
        metrics: Have the scores of the classes.
        score: Field of `ClassMetrics`, shown in the legend.
        place: Location of the legend.
        steps: Matplotlib's `drawstyle`.
    """
    values = {name: getattr(metrics.per_class.get(name), score, None) for name in lines}
    scores = {name: value for name, value in values.items() if value is not None}
    names = sorted(scores, key=scores.__getitem__)  # the hardest class first
    is_crowded = len(names) > len(COLOURS)
    shown = names[:3] if is_crowded else list(scores)
    handles = []
    for name in [name for name in names if name not in shown]:
        xs, ys = lines[name]
        stride = max(1, len(xs) // 50)  # hundreds of grey lines need no detail
        axes.plot(
            xs[::stride] + xs[-1:],
            ys[::stride] + ys[-1:],
            color=LINE,
            linewidth=0.6,
            drawstyle=steps,
        )
    for name, colour in zip(shown, COLOURS, strict=False):
        xs, ys = lines[name]
        handles += axes.plot(xs, ys, color=colour, linewidth=1.6, clip_on=False, drawstyle=steps)
    axes.set(xlim=(0, 1.01), ylim=(0, 1.02))
    title = f"the hardest 3 of {len(names)}" if is_crowded else None
    # Matplotlib leaves out labels that begin with "_", so names are set afterwards.
    legend = axes.legend(handles, ["x"] * len(handles), loc=place, title=title)
    for text, name in zip(legend.get_texts(), shown, strict=True):
        text.set_text(f"{short(name)} ({scores[name]:.3f})")
