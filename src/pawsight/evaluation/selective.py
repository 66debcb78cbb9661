"""Choose the probability from which answers are given, so that few of them are wrong.

Answers below the threshold become "unsure". The error rate among the others is
controlled with a stated confidence by fixed-sequence testing, the simplest form
of Learn then Test. Source: Angelopoulos et al., arXiv:2110.01052, sections 3 and
4; the p-value is the exact binomial one.
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
_NUM_THRESHOLDS = 100  # tested, from the most cautious down


def operating_point(
    probabilities: FloatArray,
    is_right: NDArray[np.bool_],
    max_error: float,
    confidence: float = CONFIDENCE,
) -> OperatingPoint | None:
    """Find the lowest threshold whose answers keep an error rate.

    Thresholds are tested from the most cautious down, each with the exact
    binomial test of the hypothesis that more than `max_error` of its answers are
    wrong; the first that is not rejected ends it, so that the confidence holds
    for the one that is returned.

    Args:
        probabilities: Of the answered class, shape [N], 0..1; of photos that the
            model was not trained on.
        is_right: Whether the answer was right, shape [N].
        max_error: The error rate to keep, above 0 and below 1.
        confidence: Above 0 and below 1.

    Returns:
        The threshold and what it costs; None where no threshold is proven to keep the
        error rate.

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
                continue  # too few answers yet to reject anything, whatever they are
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
    """Return the operating point of each rate in `MAX_ERRORS` that is proven, ascending.

    Args and errors are those of `operating_point`.
    """
    points = (operating_point(probabilities, is_right, rate) for rate in MAX_ERRORS)
    return tuple(point for point in points if point is not None)


def _candidates(ranked: FloatArray) -> list[int]:
    """Return the last index of the answers at each tested threshold; ties are answered together."""
    positions = np.unique(np.linspace(0, len(ranked) - 1, _NUM_THRESHOLDS).round().astype(int))
    ends = np.searchsorted(-ranked, -ranked[positions], side="right") - 1
    return [int(end) for end in np.unique(ends)]


def _can_still_pass(last: int, total: int, max_error: float, confidence: float) -> bool:
    """Return whether faultless answers up to `last` are too few to reject, and all are enough."""
    return bool(
        bdtr(0, last + 1, max_error) > 1 - confidence
        and bdtr(0, total, max_error) <= 1 - confidence
    )
