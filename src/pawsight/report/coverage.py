"""Draw and describe how many photos are answered, and how many answers are wrong."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from pawsight.formatting import percent
from pawsight.inference.answers import choose_threshold
from pawsight.models.description import ModelDescription
from pawsight.records import Predictions
from pawsight.report.figure_style import BLUE, ORANGE, new_figure, percent_ticks, styled

_MIN_ANSWERS = 20  # of fewer, the error rate would jump with each photo


def threshold_of(model: ModelDescription | None) -> float:
    """Return the probability from which a model answers; the default threshold without a model."""
    return choose_threshold(model.operating_points if model else ())


@styled
def draw_coverage(predictions: Predictions, threshold: float) -> Figure:
    """Draw the error rate of the answers against the share of photos answered."""
    coverage, error = _curve(predictions, threshold)
    figure, axes = new_figure()
    axes.step(coverage, error, where="post", color=BLUE)
    answered, wrong = coverage_and_risk(predictions, threshold)
    if wrong is not None:
        axes.plot([answered], [wrong], "o", color=ORANGE, markersize=6)
    axes.set_xlim(0, 1.02)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("photos answered")
    axes.set_ylabel("answers that are wrong")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(percent_ticks())
    return figure


def coverage_sentence(predictions: Predictions, threshold: float) -> str:
    """Describe how many of these photos are answered at a threshold, and how many wrongly."""
    answered, wrong = coverage_and_risk(predictions, threshold)
    rule = f"An answer is given from a probability of {percent(threshold)} on: "
    if wrong is None:
        return f"{rule}none of these photos are answered; all are unsure."
    errors = f"and {percent(wrong)} of the answers are wrong."
    if answered == 1:
        return f"{rule}all of these photos are answered, {errors}"
    return (
        f"{rule}{percent(answered)} of these photos are answered, {errors} The others are unsure."
    )


def _curve(predictions: Predictions, threshold: float) -> tuple[list[float], list[float]]:
    """Return coverages and error rates, from the 20 most probable answers or the threshold on."""
    order = np.argsort(-predictions.probs.max(axis=1), kind="stable")
    is_wrong = predictions.probs.argmax(axis=1)[order] != predictions.labels[order]
    counts = np.arange(1, len(order) + 1)
    num_answered = int((predictions.probs.max(axis=1) >= threshold).sum())
    start = min(_MIN_ANSWERS, len(order), num_answered or len(order)) - 1
    error = np.cumsum(is_wrong) / counts
    return (counts / len(order))[start:].tolist(), error[start:].tolist()


def coverage_and_risk(predictions: Predictions, threshold: float) -> tuple[float, float | None]:
    """Compute coverage and risk at a threshold.

    Args:
        predictions: For photos with one label each.
        threshold: The lowest probability of an answer.

    Returns:
        The share of photos that are answered, and the share of wrong answers; the latter is
        None if no photo is answered.
    """
    is_answered = predictions.probs.max(axis=1) >= threshold
    is_wrong = predictions.probs.argmax(axis=1) != predictions.labels
    wrong = float(is_wrong[is_answered].mean()) if is_answered.any() else None
    return float(is_answered.mean()), wrong
