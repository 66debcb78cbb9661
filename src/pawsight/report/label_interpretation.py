"""Describe the results on photos with several labels in sentences; see `interpretation`."""

from __future__ import annotations

from collections.abc import Sequence

from pawsight.evaluation.results import LabelMetrics, PartMetrics
from pawsight.evaluation.thresholds import MIN_PHOTOS
from pawsight.formatting import counted, decimal, percent, percent_interval
from pawsight.report.first_screen import PHOTOS
from pawsight.report.interpretation import lost_photos, sanitize

_MAX_NAMED = 3  # labels


def headline(part: str, metrics: PartMetrics) -> str:
    """Describe the main score of a part."""
    score = decimal(metrics.scores.get("average_precision"))
    return f"Mean average precision {score} on {PHOTOS[part]}"


def detail(part: str, metrics: PartMetrics) -> str:
    """Describe for how many photos all labels are correct."""
    interval = metrics.intervals.get("exact_match")
    interval_text = f" (95 % interval {percent_interval(interval)})" if interval else ""
    return (
        f"All labels right on {metrics.num_correct:,} of {counted(metrics.n, f'{part} photo')}: "
        f"{percent(metrics.accuracy)}{interval_text}."
    )


def failures(metrics: PartMetrics) -> list[str]:
    """Describe the labels with the lowest F1, the lowest first."""
    labels = [
        (label.f1, name, label)
        for name, label in _label_metrics(metrics).items()
        if label.f1 is not None and label.f1 < 1
    ]
    return [
        f"{sanitize(name)}: {label.false_negatives:,} of {counted(label.support, 'photo')} missed, "
        f"{label.false_positives:,} wrongly given"
        for _, name, label in sorted(labels, key=lambda row: row[0])[:_MAX_NAMED]
    ]


def findings(part: str, metrics: PartMetrics, num_lost: int) -> list[str]:
    """Describe chance, the hardest labels, rare labels and calibration.

    Args:
        part: The part of `metrics`.
        metrics: The scores of the part.
        num_lost: Photos that could no longer be read.
    """
    labels = _label_metrics(metrics)
    sentences = [_against_chance(metrics, labels), _hardest(labels)]
    rare = [name for name, label in labels.items() if label.support < MIN_PHOTOS]
    if rare:
        sentences.append(
            f"Fewer than {MIN_PHOTOS} {part} photos have {_listed(rare)}: "
            f"their scores are mostly chance."
        )
    error = metrics.scores.get("calibration_error")
    worst = max(labels, key=lambda name: labels[name].calibration_error, default="")
    if worst:
        sentences.append(
            f"The probability of a label is {percent(error)} off on average, that of "
            f"“{sanitize(worst)}” {percent(labels[worst].calibration_error)}: the mean gap to the "
            f"share of photos that have it."
        )
    return [*sentences, lost_photos(num_lost)] if num_lost else sentences


def _label_metrics(metrics: PartMetrics) -> dict[str, LabelMetrics]:
    return {
        name: label for name, label in metrics.per_class.items() if isinstance(label, LabelMetrics)
    }


def _against_chance(metrics: PartMetrics, labels: dict[str, LabelMetrics]) -> str:
    shares = [label.support / metrics.n for label in labels.values() if label.support]
    chance = sum(shares) / len(shares) if shares else None
    return (
        f"The mean average precision is {decimal(metrics.scores.get('average_precision'))}; that "
        f"of random probabilities would be {decimal(chance)}, the mean share of photos with a "
        f"label."
    )


def _hardest(labels: dict[str, LabelMetrics]) -> str:
    scored = [(label.f1, name) for name, label in labels.items() if label.f1 is not None]
    if not scored:
        return "None of these photos has a label."
    if min(scored)[0] == 1:
        return "Every label was right on each of these photos."
    parts = [
        f"“{sanitize(name)}” {decimal(f1)} (precision {percent(labels[name].precision)}, recall "
        f"{percent(labels[name].recall)})"
        for f1, name in sorted(scored)[:_MAX_NAMED]
    ]
    return f"The lowest F1: {'; '.join(parts)}."


def _listed(names: Sequence[str]) -> str:
    first = ", ".join(f"“{sanitize(name)}”" for name in names[:8])
    return first + (f" and {len(names) - 8:,} more labels" if len(names) > 8 else "")
