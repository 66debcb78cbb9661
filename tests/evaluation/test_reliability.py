import numpy as np
import pytest

from pawsight.evaluation.reliability import (
    Bin,
    calibration_error,
    calibration_noise,
    reliability_bins,
)


def bin_of(n, confidence, accuracy):
    return Bin(low=0.0, high=1.0, n=n, confidence=confidence, accuracy=accuracy)


def test_a_bin_holds_probabilities_up_to_its_upper_edge():
    # 15 bins: 0.5 is in 7/15 to 8/15, 14/15 still in the 14th, and 1.0 in the last.
    bins = reliability_bins(
        np.array([0.5, 14 / 15, 1.0, 0.98]), np.array([True, False, True, False])
    )
    edges = [(one.low, one.high, one.n) for one in bins]
    assert edges == [(7 / 15, 8 / 15, 1), (13 / 15, 14 / 15, 1), (14 / 15, 1.0, 2)]
    assert bins[-1].confidence == pytest.approx(0.99)
    assert [one.accuracy for one in bins] == [1.0, 0.0, 0.5]


def test_calibration_error_weighs_each_bin_by_its_photos():
    # (1 * 0.4 + 3 * 0.1) / 4
    assert calibration_error([bin_of(1, 0.6, 1.0), bin_of(3, 0.9, 0.8)]) == pytest.approx(0.175)


def test_noise_of_one_photo_at_one_half_is_one_half():
    # Right or wrong, the gap to 0.5 is 0.5.
    assert calibration_noise([bin_of(1, 0.5, 1.0)]) == pytest.approx((0.5, 0.5))


def test_noise_of_many_photos_is_that_of_a_normal_distribution():
    # Standard deviation of the accuracy of 10,000 photos at 0.8: 0.004; the mean of its absolute
    # value is sqrt(2 / pi) = 0.798 times that, the 95 % quantile 1.96 times.
    mean, high = calibration_noise([bin_of(10_000, 0.8, 0.8)])
    assert mean == pytest.approx(0.798 * 0.004, rel=0.05)
    assert high == pytest.approx(1.96 * 0.004, rel=0.05)


def test_noise_does_not_depend_on_what_came_true():
    bins = [bin_of(20, 0.7, 0.1), bin_of(30, 0.9, 1.0)]
    same = [bin_of(20, 0.7, 0.7), bin_of(30, 0.9, 0.9)]
    assert calibration_noise(bins) == calibration_noise(same)


def test_a_perfectly_calibrated_model_exceeds_the_95_percent_quantile_once_in_twenty():
    random = np.random.default_rng(5)
    counts, confidences = np.array([10, 40, 150]), np.array([0.55, 0.75, 0.95])
    high = calibration_noise(
        [bin_of(n, c, c) for n, c in zip(counts.tolist(), confidences.tolist(), strict=True)]
    ).high
    draws = random.binomial(counts, confidences, (4000, 3))
    errors = np.abs(draws - counts * confidences).sum(axis=1) / counts.sum()
    assert 0.035 < (errors > high).mean() < 0.065
