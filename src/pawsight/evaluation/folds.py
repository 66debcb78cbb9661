"""What the runs of a cross-validation show together."""

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
    """One part of all folds."""

    folds: tuple[Scores, ...]  # per fold: n, num_correct and the scores
    mean: Scores  # of each score over the folds; None where a fold has no such score
    std: Scores  # sample standard deviation of each score; None for a single fold, too


class FoldsSummary(FoldStatistics):
    """The validation parts of all folds, and the test part that they share."""

    part: str = "validation"  # always "validation"
    n: int  # photos of all folds
    num_correct: int  # those classified correctly by the fold that did not train on them
    accuracy: float  # over all these photos
    accuracy_interval: Interval  # 95 % interval of the accuracy
    is_imbalanced: bool  # whether a fold is
    test: FoldStatistics | None  # the test part; None where there is none


def summarize_folds(evaluations: Sequence[Evaluation]) -> FoldsSummary:
    """Summarize the evaluations of one run per fold.

    Each photo outside the test part is in the validation part of exactly one
    run. That part also chose the run's epoch, so the scores may be a little
    high; the spread between the folds is what cross-validation is for.

    Args:
        evaluations: One per fold, in their order.

    Raises:
        DataError: There are none.
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
    is_whole = {key: len(values) == len(parts) for key, values in defined.items()}
    return FoldStatistics(
        folds=tuple(
            {
                "n": part.n,
                "num_correct": part.num_correct,
                **{key: values[number] for key, values in columns.items()},
            }
            for number, part in enumerate(parts)
        ),
        mean={k: statistics.fmean(v) if is_whole[k] else None for k, v in defined.items()},
        std={
            k: statistics.stdev(v) if is_whole[k] and len(v) > 1 else None
            for k, v in defined.items()
        },
    )
