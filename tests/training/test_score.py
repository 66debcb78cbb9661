import numpy as np
import pytest

from pawsight.training.score import ValidationScore


def found(right, photos):
    return ValidationScore(0.5, np.array(right), np.array(photos))


def test_the_accuracy_is_over_photos_and_the_balanced_one_over_classes():
    one = found([90, 5, 0], [100, 10, 0])
    assert one.accuracy == pytest.approx(95 / 110)
    assert one.balanced_accuracy == pytest.approx((0.9 + 0.5) / 2)


def test_no_photo_at_all_is_no_accuracy():
    assert found([0, 0], [0, 0]).accuracy == 0.0
    assert found([0, 0], [0, 0]).balanced_accuracy == 0.0


def test_a_target_is_reached_when_the_lower_end_of_the_interval_is():
    # Wilson, 95 of 100: (0.95 + z²/200 - z sqrt(0.95 * 0.05 / 100 + z²/40000)) / (1 + z²/100)
    # with z = 1.96 is 0.888; with ten times the photos 0.935.
    assert found([48, 47], [50, 50]).confirms(0.88, is_balanced=False)
    assert not found([48, 47], [50, 50]).confirms(0.89, is_balanced=False)
    assert found([480, 470], [500, 500]).confirms(0.93, is_balanced=False)


def test_uneven_classes_must_reach_it_with_their_mean():
    uneven = found([990, 5], [1000, 10])
    assert uneven.confirms(0.95, is_balanced=False)
    assert not uneven.confirms(0.7, is_balanced=True)
