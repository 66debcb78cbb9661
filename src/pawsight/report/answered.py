"""How many photos are answered, and how many answers are wrong; and what to do next."""

from __future__ import annotations

import shlex
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from pawsight.evaluation.results import PartMetrics
from pawsight.formatting import percent
from pawsight.inference.answers import choose_threshold
from pawsight.models.description import ModelDescription
from pawsight.records import Predictions
from pawsight.report.figure_style import BLUE, ORANGE, new_figure, styled
from pawsight.report.interpretation import top_confusions
from pawsight.runs import Run

_FEWEST_ANSWERS = 20  # below, an error rate jumps with each photo
_WIDE = 0.06  # width of the interval of the headline from which more test photos are advised


def threshold_of(model: ModelDescription | None) -> float:
    """Return the least probability of an answer of a model; without one, the plain threshold."""
    return choose_threshold(model.operating_points if model else ())


def answered(
    run: Run,
    model: ModelDescription | None,
    metrics: PartMetrics | None,
    predictions: Predictions | None,
) -> dict[str, Any]:
    """Return what the report shows of answers, and next steps; empty for several labels."""
    if metrics is None or predictions is None or predictions.task.is_multi_label:
        return {"steps": [], "coverage": ""}
    steps = next_steps(metrics, run.none_path.is_file(), shlex.quote(str(run.path)))
    return {"steps": steps, "coverage": coverage_sentence(predictions, threshold_of(model))}


@styled
def draw_coverage(predictions: Predictions, threshold: float) -> Figure:
    """Draw the error rate of the answers against the share of photos answered, and the threshold.

    Args:
        predictions: Of one part, one label a photo.
        threshold: The least probability of an answer, 0..1.
    """
    coverage, error = _curve(predictions, threshold)
    figure, axes = new_figure()
    axes.step(coverage, error, where="post", color=BLUE)
    answered, wrong = _at(predictions, threshold)
    if answered:
        axes.plot([answered], [wrong], "o", color=ORANGE, markersize=6)
    axes.set_xlim(0, 1.02)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("photos answered")
    axes.set_ylabel("answers that are wrong")
    for each in (axes.xaxis, axes.yaxis):
        each.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:.3g} %"))
    return figure


def coverage_sentence(predictions: Predictions, threshold: float) -> str:
    """Describe in a sentence what the threshold of an answer costs on these photos."""
    answered, wrong = _at(predictions, threshold)
    return (
        f"An answer is given from a probability of {percent(threshold)} on: {percent(answered)} of "
        f"these photos are answered, and {percent(wrong)} of the answers are wrong. The others "
        f"are unsure."
    )


def next_steps(metrics: PartMetrics, has_none_photos: bool, run_path: str) -> list[str]:
    """Return up to three things to do, the most useful first.

    Args:
        metrics: Of the headline part, one label a photo.
        has_none_photos: Whether photos of none of the classes were measured.
        run_path: The run folder, quoted for a shell.
    """
    steps = [f"Check labels that may be wrong: pawsight doubts {run_path}"]
    for one in top_confusions(metrics, 1):
        steps.append(
            f"Add photos of {one.truth} that look like {one.predicted}: {percent(one.share)} of "
            f"the photos of {one.truth} ({one.count:,}) were taken for {one.predicted}."
        )
    low, high = metrics.intervals.get("accuracy", (0.0, 0.0))
    if high - low > _WIDE:
        steps.append(
            f"Test on more photos: with {metrics.n:,} the accuracy lies anywhere from "
            f"{percent(low)} to {percent(high)}; four times as many would halve that range."
        )
    if not has_none_photos:
        steps.append(
            "Put photos of other things that will be seen into a folder none/ beside the classes, "
            "to measure how many of them are refused."
        )
    return steps[:3]


def _curve(predictions: Predictions, threshold: float) -> tuple[list[float], list[float]]:
    """Return coverage and error rate, the surest answers first, from 20 or the threshold on."""
    order = np.argsort(-predictions.probs.max(axis=1), kind="stable")
    is_wrong = predictions.probs.argmax(axis=1)[order] != predictions.labels[order]
    counts = np.arange(1, len(order) + 1)
    num_answered = int((predictions.probs.max(axis=1) >= threshold).sum())
    start = min(_FEWEST_ANSWERS, len(order), num_answered or len(order)) - 1
    error = np.cumsum(is_wrong) / counts
    return (counts / len(order))[start:].tolist(), error[start:].tolist()


def _at(predictions: Predictions, threshold: float) -> tuple[float, float]:
    """Return the share of photos answered at a threshold, and that of wrong answers, 0 of none."""
    is_answered = predictions.probs.max(axis=1) >= threshold
    is_wrong = predictions.probs.argmax(axis=1) != predictions.labels
    wrong = float(is_wrong[is_answered].mean()) if is_answered.any() else 0.0
    return float(is_answered.mean()), wrong
