"""The threshold of answers keeps the error rate it promises."""

import numpy as np
import pytest

from pawsight.errors import ConfigError, ShapeError
from pawsight.evaluation.selective import operating_point, operating_points


def drawn(n, seed):
    """Answers whose probability is right: one of probability p is right with probability p."""
    random = np.random.default_rng(seed)
    probabilities = random.uniform(0.5, 1.0, n)
    return probabilities, random.uniform(size=n) < probabilities


def test_all_right_answers_are_all_given_once_there_are_enough():
    # 0.95 ** 59 = 0.0485 is the first power below 0.05: 59 right answers prove 5 %.
    assert operating_point(np.full(59, 0.9), np.ones(59, bool), 0.05).coverage == 1.0
    assert operating_point(np.full(58, 0.9), np.ones(58, bool), 0.05) is None


def test_threshold_lies_where_the_wrong_answers_begin():
    probabilities = np.concatenate([np.full(300, 0.99), np.full(100, 0.6)])
    is_right = np.concatenate([np.ones(300, bool), np.zeros(100, bool)])
    found = operating_point(probabilities, is_right, 0.01)
    assert found.threshold == 0.99
    assert found.coverage == 0.75
    assert found.error == 0.0


def test_order_of_the_photos_does_not_matter():
    probabilities, is_right = drawn(500, 1)
    order = np.random.default_rng(2).permutation(500)
    assert operating_point(probabilities, is_right, 0.1) == operating_point(
        probabilities[order], is_right[order], 0.1
    )


@pytest.mark.parametrize("max_error", [0.02, 0.05, 0.2])
def test_error_rate_is_exceeded_in_at_most_one_of_twenty_draws(max_error):
    num_exceeded = 0
    for seed in range(200):
        found = operating_point(*drawn(1000, seed), max_error)
        # The error rate of all answers above t is the mean of 1 - p for p from t to 1.
        true_error = (1 - found.threshold) / 2 if found else 0.0
        num_exceeded += true_error > max_error
    assert num_exceeded <= 17  # of 200 at 5 %: 10 are expected, 17 is the 98 % point


def test_wrong_input_is_refused():
    with pytest.raises(ShapeError):
        operating_point(np.zeros(2), np.zeros(3, bool), 0.1)
    with pytest.raises(ShapeError):
        operating_point(np.zeros(0), np.zeros(0, bool), 0.1)
    with pytest.raises(ConfigError):
        operating_point(np.ones(3), np.ones(3, bool), 1.0)


def test_rates_that_the_photos_do_not_prove_are_left_out():
    found = operating_points(np.full(100, 0.9), np.ones(100, bool))
    # 0.95 ** 100 and 0.9 ** 100 are below 0.05, 0.98 ** 100 = 0.13 is not.
    assert [point.max_error for point in found] == [0.05, 0.1, 0.2]


def test_a_hundred_thresholds_are_tested():
    # Of 991 answers, every tenth ends the answers of a threshold: 1, 11, ... 51, 61.
    # 0.95 ** 61 = 0.044 proves 5 %, 0.95 ** 51 = 0.073 does not, and the 62nd on are wrong.
    found = operating_point(np.linspace(1, 0.5, 991), np.arange(991) < 61, 0.05)
    assert (found.coverage, found.error) == (61 / 991, 0)
    assert found.threshold == pytest.approx(1 - 0.5 * 60 / 990)
