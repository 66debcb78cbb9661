import numpy as np
import pytest

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
