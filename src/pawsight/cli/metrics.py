"""The numbers of an evaluation as a table."""

from __future__ import annotations

from typing import Any

from pawsight.cli.tables import print_table

_MOST_CLASSES = 30  # of which the table speaks one by one


def print_metrics(metrics: dict[str, Any]) -> None:
    """Print what `metrics.json` holds: the parts, then the classes of the headline part.

    Where the classes are uneven, the balanced accuracy comes first.
    """
    parts: dict[str, dict[str, Any]] = metrics["parts"]
    headline = parts.get(metrics.get("headline", ""), {})
    first, second = "accuracy", "balanced_accuracy"
    if headline.get("is_imbalanced"):
        first, second = second, first
    print_table(
        [
            (
                name,
                f"{part['n']:,}",
                _with_interval(part, first),
                _percent(part.get(second)),
                _number(part.get("log_loss")),
            )
            for name, part in parts.items()
        ],
        [
            *("part", "photos", f"{first.replace('_', ' ')} (95 % interval)"),
            *(second.replace("_", " "), "log loss"),
        ],
        right="photos",
    )
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
    """Write an accuracy with its interval: `87.1 % (85.0 to 88.9)`.

    Where the classes are uneven, the balanced accuracy comes first.
    """
    plain = _with_interval(part, "accuracy")
    if not part.get("is_imbalanced"):
        return plain
    balanced = _with_interval(part, "balanced_accuracy")
    return f"{balanced} balanced, each class counting alike; {plain} of all photos"


def _with_interval(part: dict[str, Any], name: str) -> str:
    text = _percent(part.get(name))
    if f"{name}_interval" not in part:  # written by an earlier version
        return text
    low, high = part[f"{name}_interval"]
    return f"{text} ({100 * low:.1f} to {100 * high:.1f})"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
