"""What the runs of a cross-validation say together."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from pawsight.errors import ShapeError
from pawsight.evaluation.metrics import wilson_interval

_SCORES = (
    *("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "roc_auc"),
    *("average_precision", "calibration_error"),
)


def summarize_folds(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Put the metrics of one run per fold together.

    Each photo outside the test part is in the validation part of exactly one
    run. That part also chose the run's epoch, so the scores may be a little
    high; the spread between the folds is what cross-validation is for.

    Args:
        runs: What `metrics.json` of each run holds, in the order of the folds.

    Returns:
        JSON-ready: `part` ("validation"), `n` (photos of all folds), `num_correct`,
        `accuracy` and `accuracy_interval` (95 %) over all these photos,
        `is_imbalanced`, `folds` (per fold n, num_correct and the scores), `mean` and
        `std` of each score over the folds (the sample standard deviation;
        None where a fold has no such score, and `std` of a single fold), and
        `test`: the same for the test part, which all folds share, or None.

    Raises:
        ShapeError: There are no runs.
    """
    if not runs:
        raise ShapeError("There are no folds to put together.")
    validation = [run["parts"]["validation"] for run in runs]
    n = sum(part["n"] for part in validation)
    num_correct = sum(part["num_correct"] for part in validation)
    test = [run["parts"]["test"] for run in runs if "test" in run["parts"]]
    return {
        "part": "validation",
        "n": n,
        "num_correct": num_correct,
        "accuracy": num_correct / n,
        "accuracy_interval": wilson_interval(num_correct, n),
        "is_imbalanced": any(part.get("is_imbalanced", False) for part in validation),
        **_spread(validation),
        "test": _spread(test) if len(test) == len(runs) else None,
    }


def _spread(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    columns: dict[str, list[Any]] = {
        score: [part.get(score) for part in parts] for score in _SCORES
    }
    return {
        "folds": [{key: part.get(key) for key in ("n", "num_correct", *_SCORES)} for part in parts],
        "mean": {
            score: None if None in values else statistics.fmean(values)
            for score, values in columns.items()
        },
        "std": {
            score: None if None in values or len(values) < 2 else statistics.stdev(values)
            for score, values in columns.items()
        },
    }
