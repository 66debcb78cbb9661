"""What differs between one class and several labels a photo; all numbers worked out by hand."""

import math

import numpy as np
import pytest

from pawsight.errors import DataError
from pawsight.task import MULTI_LABEL, SINGLE_LABEL, MultiLabel, task_of

NAMES = ("cat", "dog", "fox")


def test_probabilities_of_classes_are_a_softmax_at_temperature_1_unless_given():
    logits = np.array([[0.0, math.log(3)]])
    np.testing.assert_allclose(SINGLE_LABEL.probabilities(logits), [[0.25, 0.75]])
    # Halved, the logit is ln sqrt(3): sqrt(3) / (1 + sqrt(3)).
    np.testing.assert_allclose(SINGLE_LABEL.probabilities(logits, 2.0)[0, 1], 0.6339746)


def test_probabilities_of_labels_are_sigmoids_at_temperature_1_unless_given():
    logits = np.array([[0.0, math.log(3)]])
    np.testing.assert_allclose(MULTI_LABEL.probabilities(logits), [[0.5, 0.75]])
    np.testing.assert_allclose(MULTI_LABEL.probabilities(logits, 2.0)[0, 1], 0.6339746)


def test_losses_are_in_nats():
    logits = np.array([[0.0, math.log(3)]])
    np.testing.assert_allclose(SINGLE_LABEL.log_losses(logits, np.array([0])), [math.log(4)])
    # -ln 0.5 and -ln 0.25, the mean of both.
    labels = np.array([[1, 0]])
    np.testing.assert_allclose(MULTI_LABEL.log_losses(logits, labels), [1.5 * math.log(2)])


def test_an_unknown_class_is_encoded_as_minus_1_and_an_unknown_label_not_at_all():
    assert SINGLE_LABEL.encode(["dog", "", "cow"], NAMES).tolist() == [1, -1, -1]
    encoded = MULTI_LABEL.encode(["fox;cat", "", "cow;dog"], NAMES)
    assert encoded.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]


def test_labels_are_written_sorted_and_once_and_read_back():
    assert MULTI_LABEL.text_of(["fox", "cat", "fox"]) == "cat;fox"
    assert MULTI_LABEL.texts(np.array([[1, 0, 1], [0, 0, 0]]), NAMES) == ["cat;fox", ""]
    assert MULTI_LABEL.names_of("cat;fox") == ("cat", "fox")
    with pytest.raises(DataError, match="must not contain ';': a;b"):
        MULTI_LABEL.text_of(["a;b"])


def test_a_tie_goes_to_the_lower_class_and_a_label_is_given_at_its_threshold():
    tie = np.array([0.2, 0.4, 0.4])
    assert SINGLE_LABEL.describe(tie, NAMES) == ("dog", 0.4, ("dog",))
    assert SINGLE_LABEL.decide(tie[None]).tolist() == [1]
    task = MultiLabel((0.2, 0.5, 0.4))
    # The least certain decision is against dog: 1 - 0.4; of cat it is 0.2, of fox 0.4.
    assert task.describe(tie, NAMES) == ("cat;fox", 0.2, ("cat", "fox"))
    assert MULTI_LABEL.decide(np.array([0.49, 0.5, 0.51])).tolist() == [0, 1, 1]


def test_all_labels_of_a_photo_must_be_right():
    answers, labels = np.array([[1, 0], [1, 1]]), np.array([[1, 0], [0, 1]])
    assert MULTI_LABEL.is_right(answers, labels).tolist() == [True, False]


def test_photos_are_stratified_by_the_rarest_of_their_labels():
    labels = np.array([[1, 1, 0], [1, 0, 1], [1, 1, 0], [0, 0, 0]])  # 3 cats, 2 dogs, 1 fox
    assert MULTI_LABEL.strata(labels).tolist() == [1, 2, 1, 3]


def test_outcomes_count_what_there_is_to_be_right_on():
    assert SINGLE_LABEL.outcomes(np.array([0, 2, 2]), 3).tolist() == [1, 0, 2]
    is_right = np.array([True, False, True])
    assert SINGLE_LABEL.outcomes(np.array([0, 2, 2]), 3, is_right).tolist() == [1, 0, 1]
    labels = np.array([[1, 0], [1, 1]])
    assert MULTI_LABEL.outcomes(labels, 2).tolist() == [0, 1, 2, 1]
    right = np.array([[True, True], [False, True]])
    assert MULTI_LABEL.outcomes(labels, 2, right).tolist() == [0, 1, 1, 1]


def test_a_task_is_found_by_its_name():
    assert task_of("single-label", (0.5,)) is SINGLE_LABEL
    assert task_of("multi-label", (0.3, 0.6)).thresholds_of(2) == [0.3, 0.6]
    assert task_of("multi-label").thresholds_of(2) == [0.5, 0.5]


def test_a_class_is_written_read_and_counted_as_it_is():
    assert SINGLE_LABEL.names_of("cat;dog") == ("cat;dog",)
    assert SINGLE_LABEL.names_of("") == MULTI_LABEL.names_of("") == ()
    assert SINGLE_LABEL.text_of(iter(["cat"])) == "cat"
    assert SINGLE_LABEL.text_of([]) == ""
    labels = np.array([2, 0, 2])
    assert SINGLE_LABEL.texts(labels, NAMES) == ["fox", "cat", "fox"]
    assert SINGLE_LABEL.strata(labels).tolist() == [2, 0, 2]
    assert SINGLE_LABEL.counts(labels, 4).tolist() == [1, 0, 2, 0]
    assert MULTI_LABEL.counts(np.eye(3, dtype=np.int64), 3).tolist() == []
    assert SINGLE_LABEL.is_right(np.array([2, 1, 2]), labels).tolist() == [True, False, True]
    assert SINGLE_LABEL.thresholds_of(3) is None
    assert (SINGLE_LABEL.is_multi_label, MULTI_LABEL.is_multi_label) == (False, True)


def test_each_photo_has_its_most_probable_class():
    probs = np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])
    assert SINGLE_LABEL.decide(probs).tolist() == [2, 0]


def test_a_probability_of_nothing_is_a_large_but_finite_loss():
    (loss,) = SINGLE_LABEL.log_losses(np.array([[0.0, 2000.0]]), np.array([0]))
    assert 20 < loss < 100
