"""The numbers of an evaluation as a table."""

from __future__ import annotations

from pawsight.cli.tables import print_table
from pawsight.evaluation.intervals import Interval
from pawsight.evaluation.label_scores import scores_of
from pawsight.evaluation.results import ClassMetrics, Evaluation, LabelMetrics, PartMetrics
from pawsight.evaluation.scores import Score
from pawsight.formatting import decimal, percent, percent_interval
from pawsight.task import task_of

_LABEL_COLUMNS = ["photos", "AP", "ROC AUC", "threshold", "precision", "recall", "F1"]
_MAX_CLASSES = 30  # that get a row each


def print_metrics(evaluation: Evaluation) -> None:
    """Print the scores of each part, then the classes of the headline part.

    Where the classes are imbalanced, the balanced accuracy comes first.
    """
    main = evaluation.main
    columns: dict[str, PartMetrics] = {
        str(part): metrics for part, metrics in evaluation.parts.items()
    }
    copies = evaluation.training_copies
    if copies and copies.without:
        columns["without copies of training photos"] = copies.without
    rows = [("photos", *(f"{part.n:,}" for part in columns.values()))]
    rows += [
        (score.title, *(_with_interval(part, score) for part in columns.values()))
        for score in sorted(_scores(evaluation), key=lambda score: score.key != main.main_score)
    ]
    print_table(rows, ["score (95 % interval)", *columns])
    classes = main.per_class
    labels = {
        name: metrics for name, metrics in classes.items() if isinstance(metrics, LabelMetrics)
    }
    if labels:
        print_table(
            [_label_row(name, metrics) for name, metrics in labels.items()][:_MAX_CLASSES],
            [f"label ({evaluation.headline})", *_LABEL_COLUMNS],
            right=" ".join(_LABEL_COLUMNS),
        )
        return
    if 0 < len(classes) <= _MAX_CLASSES:
        print_table(
            [_class_row(name, metrics) for name, metrics in classes.items()],
            [f"class ({evaluation.headline})", "photos", "precision", "recall", "F1"],
            right="photos F1",
        )


def headline_rows(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Return rows of (name, text) on the headline part: its main score, and all other scores."""
    part = evaluation.main
    scores = _scores(evaluation)
    main = {score.key: score for score in scores}[part.main_score]
    others = (
        f"{score.title} {score.text(part.scores.get(score.key))}"
        for score in scores
        if score is not main
    )
    return [
        (f"{main.title} on {part.n:,} {evaluation.headline} photos", _with_interval(part, main)),
        ("other scores", ", ".join(others)),
    ]


def _scores(evaluation: Evaluation) -> tuple[Score, ...]:
    return scores_of(task_of(evaluation.main.task))


def _label_row(name: str, metrics: LabelMetrics) -> tuple[str, ...]:
    shares = (metrics.precision, metrics.recall)
    return (
        name,
        f"{metrics.support:,}",
        *(decimal(value) for value in (metrics.average_precision, metrics.roc_auc)),
        decimal(metrics.threshold),
        *(percent(share) for share in shares),
        f"{decimal(metrics.f1)} ({_decimal_interval(metrics.f1_interval)})",
    )


def _decimal_interval(interval: Interval | None) -> str:
    return f"{decimal(interval[0])} to {decimal(interval[1])}" if interval else "-"


def _with_interval(part: PartMetrics, score: Score) -> str:
    text, interval = score.text(part.scores.get(score.key)), part.intervals.get(score.key)
    return f"{text} ({percent_interval(interval)})" if interval else text


def _class_row(name: str, metrics: ClassMetrics) -> tuple[str, ...]:
    precision, recall = (
        f"{percent(share)} ({percent_interval(interval)})" if interval else percent(share)
        for share, interval in (
            (metrics.precision, metrics.precision_interval),
            (metrics.recall, metrics.recall_interval),
        )
    )
    return name, f"{metrics.support:,}", precision, recall, decimal(metrics.f1)
