"""Choose the probability from which answers are given, so that few answers are wrong.

Answers with a lower probability become "unsure". The error rate of the other answers is
controlled with a stated confidence by fixed-sequence testing, the simplest form
of Learn then Test, with exact binomial p-values. Source: Angelopoulos et al.,
arXiv:2110.01052, sections 3 and 4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr  # binom.cdf; scipy.stats is slow to import

from pawsight.errors import ConfigError, ShapeError
from pawsight.models.operating_point import OperatingPoint
from pawsight.records import FloatArray

CONFIDENCE = 0.95
MAX_ERRORS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
_NUM_THRESHOLDS = 100  # tested, the highest first


def operating_point(
    probabilities: FloatArray,
    is_right: NDArray[np.bool_],
    max_error: float,
    confidence: float = CONFIDENCE,
) -> OperatingPoint | None:
    """Find the lowest threshold whose answers have at most a given error rate.

    Thresholds are tested in descending order, each by the exact binomial test of the
    hypothesis that more than `max_error` of the answers are wrong. The search stops at
    the first hypothesis that is not rejected, so that the confidence holds for the
    returned threshold.

    Args:
        probabilities: Of the answered class, shape [N], 0..1; of photos that the
            model was not trained on.
        is_right: Whether the answer is right, shape [N].
        max_error: The maximal error rate, above 0 and below 1.
        confidence: Above 0 and below 1.

    Returns:
        The threshold with its coverage and error; None if the error rate is proven for no
        threshold.

    Raises:
        ShapeError: The arrays disagree on N, or N is 0.
        ConfigError: `max_error` or `confidence` is out of range.
    """
    if probabilities.shape != is_right.shape or probabilities.ndim != 1 or not len(is_right):
        raise ShapeError(
            f"Probabilities [N] and answers [N] are needed, "
            f"not {probabilities.shape} and {is_right.shape}."
        )
    if not 0 < max_error < 1 or not 0 < confidence < 1:
        raise ConfigError("max_error and confidence must be above 0 and below 1.")
    order = np.argsort(-probabilities, kind="stable")
    ranked, num_wrong = probabilities[order], np.cumsum(~is_right[order])
    chosen = None
    for last in _candidates(ranked):
        if bdtr(num_wrong[last], last + 1, max_error) > 1 - confidence:
            if chosen is None and _can_still_pass(last, len(ranked), max_error, confidence):
                continue  # with so few answers, even faultless answers would not be enough
            break
        chosen = last
    if chosen is None:
        return None
    num_answered = chosen + 1
    return OperatingPoint(
        max_error=max_error,
        confidence=confidence,
        threshold=float(ranked[chosen]),
        coverage=num_answered / len(ranked),
        error=float(num_wrong[chosen] / num_answered),
    )


def operating_points(
    probabilities: FloatArray, is_right: NDArray[np.bool_]
) -> tuple[OperatingPoint, ...]:
    """Return the operating point of each error rate in `MAX_ERRORS` that is proven, ascending.

    The arguments are those of `operating_point`.

    Raises:
        ShapeError: As `operating_point`.
    """
    points = (operating_point(probabilities, is_right, rate) for rate in MAX_ERRORS)
    return tuple(point for point in points if point is not None)


def _candidates(ranked: FloatArray) -> list[int]:
    """Return the index of the last answer at each tested threshold; ties have the same index."""
    positions = np.unique(np.linspace(0, len(ranked) - 1, _NUM_THRESHOLDS).round().astype(int))
    ends = np.searchsorted(-ranked, -ranked[positions], side="right") - 1
    return [int(end) for end in np.unique(ends)]


def _can_still_pass(last: int, total: int, max_error: float, confidence: float) -> bool:
    """Return whether a test can only be passed with more answers than those up to `last`."""
    return bool(
        bdtr(0, last + 1, max_error) > 1 - confidence
        and bdtr(0, total, max_error) <= 1 - confidence
    )
