import numpy as np
import pytest

from pawsight.errors import ModelError, ShapeError
from pawsight.evaluation.calibration import fit_temperature
from pawsight.probabilities import softmax


def test_softmax_of_logs_gives_the_shares_back():
    np.testing.assert_allclose(softmax(np.log([[1.0, 3.0]])), [[0.25, 0.75]])


def test_a_temperature_of_two_takes_the_root_of_the_odds():
    # Odds of 9 become odds of 3.
    np.testing.assert_allclose(softmax(np.log([[1.0, 9.0]]), temperature=2.0), [[0.25, 0.75]])


def test_softmax_of_huge_logits_stays_finite():
    found = softmax(np.array([[1e6, -1e6], [1e6, 1e6]], np.float32), temperature=0.05)

    np.testing.assert_array_equal(found, [[1.0, 0.0], [0.5, 0.5]])


def test_softmax_leaves_the_logits_as_they_were():
    logits = np.array([[1.0, 2.0]])

    softmax(logits)

    assert logits.tolist() == [[1.0, 2.0]]


def test_a_model_that_claims_ninety_percent_and_is_right_on_three_of_four_is_cooled_down():
    # It claims odds of 9 : 1 and deserves 3 : 1, the square root: temperature 2.
    logits = np.tile([np.log(9.0), 0.0], (40_000, 1))
    labels = np.tile([0, 0, 0, 1], 10_000)

    assert fit_temperature(logits, labels) == pytest.approx(2.0, abs=2e-3)


def test_a_model_that_is_too_modest_is_warmed_up():
    # It claims 3 : 1 and deserves 9 : 1, the square: temperature 1/2.
    logits = np.tile([np.log(3.0), 0.0], (40_000, 1))
    labels = np.tile([0] * 9 + [1], 4_000)

    assert fit_temperature(logits, labels) == pytest.approx(0.5, abs=2e-3)


def test_the_temperature_is_found_among_several_classes():
    # Odds 16 : 1 : 1 claimed; right on 4 of 6 deserves 4 : 1 : 1, again the root.
    logits = np.tile([np.log(16.0), 0.0, 0.0], (60_000, 1))
    labels = np.tile([0, 0, 0, 0, 1, 2], 10_000)

    assert fit_temperature(logits, labels) == pytest.approx(2.0, abs=2e-3)


def test_twenty_right_out_of_twenty_mean_about_95_percent():
    logits = np.tile([4.0, 0.0], (20, 1))
    labels = np.zeros(20, np.int64)

    probs = softmax(logits, fit_temperature(logits, labels))

    # One more right, one more wrong: 21 of 22.
    np.testing.assert_allclose(probs[:, 0], 21 / 22, atol=1e-3)


def test_one_photo_is_enough_not_to_fail():
    logits = np.array([[3.0, 0.0]])

    # 2 of 3 right: odds 2, so log 2 = 3 / T.
    assert fit_temperature(logits, np.array([0])) == pytest.approx(3 / np.log(2), rel=1e-3)


def test_without_photos_the_temperature_changes_nothing():
    assert fit_temperature(np.zeros((0, 2)), np.zeros(0, np.int64)) == 1.0


def test_a_hopeless_model_gets_the_highest_temperature():
    logits = np.tile([10.0, 0.0], (100, 1))

    assert fit_temperature(logits, np.ones(100, np.int64)) == pytest.approx(20.0, rel=1e-2)


def test_huge_logits_do_not_overflow():
    logits = np.array([[1e5, -1e5], [-1e5, 1e5]] * 50, np.float32)

    assert 0.05 <= fit_temperature(logits, np.array([0, 1] * 50)) <= 20.0


def test_logits_that_are_no_numbers_are_an_error_for_people():
    with pytest.raises(ModelError, match="training has failed"):
        fit_temperature(np.array([[np.nan, 0.0]]), np.array([0]))


def test_logits_and_labels_must_agree():
    with pytest.raises(ShapeError):
        fit_temperature(np.zeros((3, 2)), np.zeros(2, np.int64))
