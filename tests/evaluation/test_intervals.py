import numpy as np
import pytest

from pawsight.evaluation.intervals import balanced_interval, wilson_interval


@pytest.mark.parametrize(("num_correct", "n"), [(0, 1), (1, 1), (0, 7), (3, 7), (7, 7), (96, 100)])
def test_interval_is_that_of_scipy(num_correct, n):
    from scipy.stats import binomtest

    expected = binomtest(num_correct, n).proportion_ci(method="wilson")
    assert wilson_interval(num_correct, n) == pytest.approx(tuple(expected), abs=1e-9)


def test_interval_of_a_mean_of_recalls_combines_those_of_the_classes():
    # Wilson intervals of 1 of 2 and of 3 of 4; a class without photos does not count.
    (low_a, high_a), (low_b, high_b) = wilson_interval(1, 2), wilson_interval(3, 4)
    low = 0.625 - np.hypot(0.5 - low_a, 0.75 - low_b) / 2
    high = 0.625 + np.hypot(high_a - 0.5, high_b - 0.75) / 2
    found = balanced_interval(np.array([1, 0, 3]), np.array([2, 0, 4]))
    assert found == pytest.approx((low, high))


@pytest.mark.parametrize("n", range(1, 30))
def test_interval_of_a_mean_of_recalls_stays_within_0_and_1(n):
    support = np.array([n, 7, 3])
    assert balanced_interval(np.zeros(3, int), support)[0] >= 0
    assert balanced_interval(support, support)[1] <= 1
