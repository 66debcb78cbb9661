"""The numbers of an evaluation as a table."""

from __future__ import annotations

from typing import Any

from pawsight.cli.tables import print_table

_MOST_CLASSES = 30  # of which the table speaks one by one


def print_metrics(metrics: dict[str, Any]) -> None:
    """Print what `metrics.json` holds: the parts, then the classes of the headline part."""
    parts: dict[str, dict[str, Any]] = metrics["parts"]
    print_table(
        [
            (
                name,
                f"{part['n']:,}",
                accuracy_text(part),
                _percent(part.get("balanced_accuracy")),
                _number(part.get("log_loss")),
            )
            for name, part in parts.items()
        ],
        ["part", "photos", "accuracy (95 % interval)", "balanced accuracy", "log loss"],
        right="photos",
    )
    headline = parts.get(metrics.get("headline", ""), {})
    classes: dict[str, dict[str, Any]] = headline.get("per_class", {})
    if 0 < len(classes) <= _MOST_CLASSES:
        print_table(
            [
                (
                    name,
                    f"{found['support']:,}",
                    _percent(found["precision"]),
                    _percent(found["recall"]),
                    _percent(found["f1"]),
                )
                for name, found in classes.items()
            ],
            [f"class ({metrics['headline']})", "photos", "precision", "recall", "F1"],
            right="photos precision recall F1",
        )


def accuracy_text(part: dict[str, Any]) -> str:
    """Write an accuracy with its interval: `87.1 % (85.0 to 88.9)`."""
    low, high = part["accuracy_interval"]
    return f"{100 * part['accuracy']:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
