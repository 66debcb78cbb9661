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


@pytest.mark.parametrize("seed", range(4))
def test_in_one_stratum_the_rank_sum_is_that_of_scipy(seed):
    from scipy.stats import mannwhitneyu

    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 6, 13).astype(float), rng.integers(1, 8, 21).astype(float)
    expected = mannwhitneyu(one, other, use_continuity=False, method="asymptotic").pvalue
    assert rank_sum_p_value(np.zeros(13), one, np.zeros(21), other) == pytest.approx(expected)
    # A stratum with values of one group alone adds nothing.
    strata = np.append(np.zeros(13), 1)
    found = rank_sum_p_value(strata, np.append(one, 99.0), np.zeros(21), other)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("counts", [(1, 9, 4, 7), (0, 30, 2, 5), (6, 8, 6, 8), (5, 5, 0, 3)])
def test_the_excess_is_that_of_scipy(counts):
    from scipy.stats import fisher_exact

    num_own, own, num_other, other = counts
    table = [[num_other, other - num_other], [num_own, own - num_own]]
    expected = fisher_exact(table, alternative="greater").pvalue
    assert excess_p_value(*counts) == pytest.approx(expected)
