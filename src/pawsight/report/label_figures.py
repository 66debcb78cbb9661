"""Draw the figures of a run whose photos have several labels; see `figures`."""

from __future__ import annotations

from matplotlib.figure import Figure

from pawsight.evaluation.results import LabelMetrics, PartMetrics
from pawsight.evaluation.thresholds import f1_by_threshold
from pawsight.records import Predictions
from pawsight.report.figure_style import COLOURS, new_figure, percent_ticks, short, styled
from pawsight.report.figures import draw_curves, draw_diagonal


@styled
def draw_thresholds(predictions: Predictions, metrics: PartMetrics) -> Figure:
    """Draw the F1 of each label at every threshold; of more than 8 labels, name the hardest."""
    figure, axes = new_figure()
    lines = {}
    for k, name in enumerate(predictions.class_names):
        if predictions.labels[:, k].any():
            curve = f1_by_threshold(predictions.probs[:, k], predictions.labels[:, k])
            thresholds, f1 = (tuple(values[::-1].tolist()) for values in curve)
            lines[name] = (thresholds, f1)
    draw_curves(axes, lines, metrics, "f1", "lower left")
    axes.set_xlabel("threshold")
    axes.set_ylabel("F1")
    return figure


@styled
def draw_label_reliability(metrics: PartMetrics) -> Figure:
    """Draw the reliability curves of the labels with the largest calibration errors."""
    figure, axes = new_figure()
    draw_diagonal(axes)
    labels = [
        (name, label)
        for name, label in metrics.per_class.items()
        if isinstance(label, LabelMetrics) and label.reliability
    ]
    labels.sort(key=lambda pair: -pair[1].calibration_error)
    handles = []
    for (_, label), colour in zip(labels, COLOURS, strict=False):
        xs = [b.confidence for b in label.reliability]
        ys = [b.accuracy for b in label.reliability]
        handles += axes.plot(xs, ys, "o-", color=colour, clip_on=False)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="probability of the label")
    axes.set_ylabel("photos with the label")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(percent_ticks())
    # Matplotlib leaves out labels that begin with "_", so names are set afterwards.
    legend = axes.legend(handles, ["x"] * len(handles), loc="upper left")
    for text, (name, _) in zip(legend.get_texts(), labels, strict=False):
        text.set_text(short(name))
    return figure
