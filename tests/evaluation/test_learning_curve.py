import numpy as np
import pytest

from pawsight.evaluation import learning_curve
from pawsight.evaluation.learning_curve import forecast

SIZES = (50, 100, 200, 400, 800)


def wrong_of(error, sizes=SIZES, tested=1000):
    return [round(tested * error(n)) for n in sizes]


def test_a_power_law_is_continued():
    # 0.3 at 50 photos, and 2 to the power -0.35 times as many mistakes with each doubling.
    law = wrong_of(lambda n: 0.3 * (n / 50) ** -0.35)
    now, twice, four_times = forecast(SIZES, law, 1000, [800, 1600, 3200])

    assert now.accuracy == pytest.approx(1 - 0.3 * 16**-0.35, abs=0.01)
    assert four_times.accuracy == pytest.approx(1 - 0.3 * 64**-0.35, abs=0.01)
    assert now.accuracy < twice.accuracy < four_times.accuracy
    assert four_times.low < 1 - 0.3 * 64**-0.35 < four_times.high


def test_the_farther_the_less_certain():
    law = wrong_of(lambda n: 0.3 * (n / 50) ** -0.35)
    widths = [
        (1 - one.low) / (1 - one.high)
        for one in forecast(SIZES, law, 1000, [800, 1600, 3200, 6400])
    ]
    assert widths == sorted(widths)


def test_a_curve_that_flattens_is_not_continued_at_its_former_slope():
    # Half as many mistakes with each doubling, and then no fewer.
    flat = forecast(SIZES, [400, 200, 100, 100, 100], 1000, [3200])[0]
    straight = forecast(SIZES, [400, 283, 200, 141, 100], 1000, [3200])[0]
    assert flat.accuracy < straight.accuracy
    assert flat.low < 0.9 < flat.high


def test_a_curve_without_mistakes_stays_near_one():
    (found,) = forecast(SIZES, [0] * 5, 1000, [3200])
    assert 0.99 < found.low < found.accuracy < found.high <= 1


def test_an_accuracy_is_never_below_zero():
    (found,) = forecast((10, 20), (10, 10), 10, [1000])
    assert 0 <= found.low <= found.accuracy <= found.high <= 1


def test_one_measurement_and_the_prior_are_enough():
    (found,) = forecast((100,), (200,), 1000, [200])
    assert found.accuracy == pytest.approx(1 - 0.2 * 2**-0.35, abs=0.005)


def test_the_same_numbers_give_the_same_forecast():
    found = [forecast(np.array(SIZES), np.array([9, 8, 7, 6, 5]), 50, [3200]) for _ in range(2)]
    assert found[0] == found[1]


def conditioned(num_photos, num_wrong, tested, wanted):
    """The same forecast as a Gaussian process: a + b x + a sum of hinges, given the measurements.

    Returns mean and deviation of the log error at the wanted numbers.
    """
    places = np.log(sorted({*num_photos, *wanted}))
    lengths = np.diff(places) / np.log(2)  # in doublings
    hinges = list(zip(places[1:-1], (lengths[1:] + lengths[:-1]) / 2, strict=True))

    def covariance(one, other):
        one, other = np.log(one)[:, None] - places[0], np.log(other)[None] - places[0]
        found = 10**2 + learning_curve.EXPONENT_DEVIATION**2 * one * other
        for place, span in hinges:
            start = place - places[0]
            both = np.maximum(one - start, 0) * np.maximum(other - start, 0)
            found += learning_curve.CHANGE_DEVIATION**2 * span * both
        return found

    def mean(numbers):
        return -learning_curve.EXPONENT * (np.log(numbers) - places[0])

    rate = (np.array(num_wrong) + 0.5) / (tested + 1)
    noise = (1 - rate) / (np.array(num_wrong) + 0.5) + learning_curve.HEAD_NOISE**2
    inner = np.linalg.inv(covariance(num_photos, num_photos) + np.diag(noise))
    gain = covariance(wanted, num_photos) @ inner
    values = mean(wanted) + gain @ (np.log(rate) - mean(num_photos))
    spread = covariance(wanted, wanted) - gain @ covariance(num_photos, wanted)
    return values, np.sqrt(np.diag(spread))


@pytest.mark.parametrize("num_wrong", [[400, 300, 200, 150, 100], [30, 28, 9, 12, 0]])
def test_the_forecast_is_that_of_a_gaussian_process_given_the_measurements(num_wrong):
    wanted = [60, 800, 1600, 5000]
    values, deviations = conditioned(SIZES, num_wrong, 1000, wanted)
    found = forecast(SIZES, num_wrong, 1000, wanted)
    assert [one.num_photos for one in found] == wanted
    np.testing.assert_allclose([1 - one.accuracy for one in found], np.exp(values), rtol=1e-6)
    # 5 % of a normal distribution are beyond 1.645 deviations.
    for side, ends in ((1, [one.low for one in found]), (-1, [one.high for one in found])):
        bounds = np.exp(values + side * 1.6449 * deviations)
        np.testing.assert_allclose(1 - np.array(ends), bounds, rtol=1e-4)
