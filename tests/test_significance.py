import numpy as np
import pytest

from pawsight.significance import excess_p_value, rank_sum_p_value


def test_the_rank_sum_is_that_worked_out_by_hand():
    # Ranks 4 and 5 of the others sum to 9, 6 are expected, with a variance of 3 x 2 x 6 / 12 = 3:
    # z = 3 / sqrt(3), whose two-sided p-value is 0.0833.
    one, strata = np.array([1.0, 2, 3]), np.zeros(3)
    other = np.array([4.0, 5])
    assert rank_sum_p_value(strata, one, np.zeros(2), other) == pytest.approx(0.08326, abs=1e-5)
    # A second such stratum adds twice: z = 2 x 3 / sqrt(2 x 3).
    twice = rank_sum_p_value(
        np.repeat([0.0, 1], 3), np.tile(one, 2), np.repeat([0.0, 1], 2), np.tile(other, 2)
    )
    assert twice == pytest.approx(0.01431, abs=1e-5)


def test_equal_values_and_strata_of_their_own_differ_in_nothing():
    assert rank_sum_p_value(np.zeros(3), np.ones(3), np.zeros(3), np.ones(3)) == 1
    assert rank_sum_p_value(np.zeros(3), np.ones(3), np.ones(3), np.zeros(3)) == 1


def test_the_excess_is_that_of_fishers_test():
    # Both of 2, and none of 2 others: one of the six ways to choose two of four.
    assert excess_p_value(0, 2, 2, 2) == pytest.approx(1 / 6)
    assert excess_p_value(3, 10, 0, 10) == 1
    assert excess_p_value(0, 10, 0, 10) == 1
