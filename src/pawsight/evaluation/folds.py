"""Summarize the runs of a cross-validation."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from pawsight.errors import DataError
from pawsight.evaluation.intervals import Interval, wilson_interval
from pawsight.evaluation.results import Evaluation, PartMetrics
from pawsight.evaluation.scores import SCORES
from pawsight.storage.json_records import Record

Scores = dict[str, float | None]  # by the key of each entry of `SCORES`


class FoldStatistics(Record):
    """The scores of the same part in all folds."""

    folds: tuple[Scores, ...]  # for each fold: n, num_correct and the scores
    mean: Scores  # of each score over the folds; None if the score is undefined in a fold
    std: Scores  # sample standard deviation; None as for the mean, and for a single fold


class FoldsSummary(FoldStatistics):
    """The validation parts of all folds, and the test part that they share."""

    part: str = "validation"  # always "validation"
    n: int  # photos of all folds
    num_correct: int  # photos that are classified correctly by the run that validated on them
    accuracy: float  # over all these photos
    accuracy_interval: Interval  # 95 % interval of the accuracy
    is_imbalanced: bool  # whether the classes of a fold are imbalanced
    test: FoldStatistics | None  # the test part; None if there is none


def summarize_folds(evaluations: Sequence[Evaluation]) -> FoldsSummary:
    """Summarize the evaluations of the runs of a cross-validation.

    Each photo outside the test part is in the validation part of exactly one run.
    The run's epoch was also chosen by that part, so the scores may be slightly
    too high; the purpose of cross-validation is the spread between the folds.

    Args:
        evaluations: The evaluation of each fold, in their order.

    Raises:
        DataError: There is no evaluation.
    """
    if not evaluations:
        raise DataError("There are no folds to summarize.")
    validation = [evaluation.parts["validation"] for evaluation in evaluations]
    test = [evaluation.parts["test"] for evaluation in evaluations if "test" in evaluation.parts]
    n = sum(part.n for part in validation)
    num_correct = sum(part.num_correct for part in validation)
    return FoldsSummary(
        n=n,
        num_correct=num_correct,
        accuracy=num_correct / n,
        accuracy_interval=wilson_interval(num_correct, n),
        is_imbalanced=any(part.is_imbalanced for part in validation),
        test=_spread(test) if len(test) == len(evaluations) else None,
        **dict(_spread(validation)),
    )


def _spread(parts: Sequence[PartMetrics]) -> FoldStatistics:
    columns = {score.key: [part.scores.get(score.key) for part in parts] for score in SCORES}
    defined = {
        key: [value for value in values if value is not None] for key, values in columns.items()
    }
    is_complete = {key: len(values) == len(parts) for key, values in defined.items()}
    return FoldStatistics(
        folds=tuple(
            {
                "n": part.n,
                "num_correct": part.num_correct,
                **{key: values[number] for key, values in columns.items()},
            }
            for number, part in enumerate(parts)
        ),
        mean={k: statistics.fmean(v) if is_complete[k] else None for k, v in defined.items()},
        std={
            k: statistics.stdev(v) if is_complete[k] and len(v) > 1 else None
            for k, v in defined.items()
        },
    )
