"""The numbers of an evaluation as a table."""

from __future__ import annotations

from pawsight.cli.tables import print_table
from pawsight.evaluation.results import ClassMetrics, Evaluation, PartMetrics
from pawsight.evaluation.scores import SCORES, Score
from pawsight.formatting import decimal, percent, percent_interval

_MOST_CLASSES = 30  # that get a row each


def print_metrics(evaluation: Evaluation) -> None:
    """Print the scores of each part, then the classes of the headline part.

    Where the classes are imbalanced, the balanced accuracy comes first.
    """
    columns: dict[str, PartMetrics] = {str(part): found for part, found in evaluation.parts.items()}
    copies = evaluation.training_copies
    if copies and copies.without:
        columns["without copies of training photos"] = copies.without
    rows = [("photos", *(f"{part.n:,}" for part in columns.values()))]
    rows += [
        (score.title, *(_with_interval(part, score) for part in columns.values()))
        for score in sorted(SCORES, key=lambda score: score.key != evaluation.main.main_score)
    ]
    print_table(rows, ["score (95 % interval)", *columns])
    classes = evaluation.main.per_class
    if 0 < len(classes) <= _MOST_CLASSES:
        print_table(
            [_class_row(name, found) for name, found in classes.items()],
            [f"class ({evaluation.headline})", "photos", "precision", "recall", "F1"],
            right="photos F1",
        )


def headline_rows(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Write the headline part as (name, text): its main score, then the others in one line."""
    part = evaluation.main
    main = {score.key: score for score in SCORES}[part.main_score]
    others = (
        f"{score.title} {score.text(part.scores.get(score.key))}"
        for score in SCORES
        if score is not main
    )
    return [
        (f"{main.title} on {part.n:,} {evaluation.headline} photos", _with_interval(part, main)),
        ("other scores", ", ".join(others)),
    ]


def _with_interval(part: PartMetrics, score: Score) -> str:
    text, interval = score.text(part.scores.get(score.key)), part.intervals.get(score.key)
    return f"{text} ({percent_interval(interval)})" if interval else text


def _class_row(name: str, found: ClassMetrics) -> tuple[str, ...]:
    precision, recall = (
        f"{percent(share)} ({percent_interval(interval)})" if interval else percent(share)
        for share, interval in (
            (found.precision, found.precision_interval),
            (found.recall, found.recall_interval),
        )
    )
    return name, f"{found.support:,}", precision, recall, decimal(found.f1)
