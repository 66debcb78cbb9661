"""Scores of photos with several labels; the expected numbers are worked out by hand."""

import json

import numpy as np
import pytest

from pawsight.evaluation.calibration import fit_label_temperature
from pawsight.evaluation.intervals import wilson_interval
from pawsight.evaluation.label_scores import LABEL_SCORES
from pawsight.evaluation.metrics import curves, measure
from pawsight.evaluation.predictions import load_predictions, save_predictions
from pawsight.evaluation.results import Evaluation, LabelMetrics
from pawsight.evaluation.thresholds import f1_by_threshold, fit_thresholds
from pawsight.records import Predictions
from pawsight.task import MULTI_LABEL, MultiLabel

# Of "a" the first and the last photo are right at 0.5, the second is missed, the third is wrong.
LABELS = np.array([[1, 0], [1, 1], [0, 0], [0, 1]])
PROBS = np.array([[0.9, 0.2], [0.4, 0.6], [0.7, 0.1], [0.1, 0.3]])


def predictions(labels=LABELS, probs=PROBS, task=MULTI_LABEL):
    paths = tuple(f"{number}.jpg" for number in range(len(labels)))
    return Predictions(paths, labels, probs, ("a", "b"), task)


def test_scores_are_those_worked_out_by_hand():
    found = measure(predictions())
    # a: 1 right, 1 wrong, 1 missed; b: 1 right, 0 wrong, 1 missed.
    # Only the first photo has all labels right; 3 of 8 decisions are wrong.
    assert (found.n, found.num_correct, found.main_score) == (4, 1, "average_precision")
    assert found.scores["exact_match"] == 0.25
    assert found.scores["hamming_loss"] == 3 / 8
    assert found.scores["macro_f1"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert found.scores["micro_f1"] == pytest.approx(2 * 2 / (4 + 3))
    # a ranks 0.9 (has it), 0.7, 0.4 (has it), 0.1: (1 + 2 / 3) / 2. b ranks 0.6 and 0.3 first: 1.
    assert found.scores["average_precision"] == pytest.approx((5 / 6 + 1) / 2)
    # a: of 4 pairs, 0.4 against 0.7 is wrong.
    assert found.scores["roc_auc"] == pytest.approx((3 / 4 + 1) / 2)
    right = [0.9, 0.8, 0.4, 0.6, 0.3, 0.9, 0.9, 0.3]
    assert found.scores["log_loss"] == pytest.approx(-np.log(right).mean())
    # Every photo is alone in its bin. a: 0.1, 0.6, 0.7 and 0.1 off; b: 0.2, 0.4, 0.1 and 0.7.
    assert found.scores["calibration_error"] == pytest.approx((1.5 / 4 + 1.4 / 4) / 2)
    assert found.intervals["exact_match"] == wilson_interval(1, 4)
    assert set(found.scores) == {score.key for score in LABEL_SCORES}


def test_each_label_has_counts_and_intervals_at_its_threshold():
    found = measure(predictions(task=MultiLabel((0.3, 0.5)))).per_class["a"]
    assert isinstance(found, LabelMetrics)
    counts = found.true_positives, found.false_positives, found.false_negatives
    assert (*counts, found.true_negatives, found.threshold) == (2, 1, 0, 1, 0.3)
    assert (found.precision, found.recall, found.f1) == (2 / 3, 1.0, 0.8)
    assert found.precision_interval == wilson_interval(2, 3)
    # 2 of the 3 photos that have it or are given it: F1 = 2 J / (1 + J).
    low, high = wilson_interval(2, 3)
    assert found.f1_interval == pytest.approx((2 * low / (1 + low), 2 * high / (1 + high)))
    # Every photo is alone in its bin: 0.9 is 1, 0.4 is 1, 0.7 is 0, 0.1 is 0.
    assert found.calibration_error == pytest.approx((0.1 + 0.6 + 0.7 + 0.1) / 4)


def test_a_label_without_photos_has_no_scores_and_does_not_count_in_means():
    labels = np.array([[1, 0], [0, 0]])
    found = measure(predictions(labels, PROBS[[0, 3]]))
    assert (found.per_class["b"].f1, found.per_class["b"].average_precision) == (None, None)
    assert found.scores["macro_f1"] == 1.0


def test_metrics_are_the_same_after_json():
    found = Evaluation(headline="test", parts={"test": measure(predictions())})
    again = Evaluation.from_json(json.loads(json.dumps(found.to_json())))
    assert again.to_json() == found.to_json()
    assert again.main.per_class == found.main.per_class
    assert again.to_json()["parts"]["test"]["task"] == "multi-label"


def test_predictions_are_the_same_after_csv(tmp_path):
    task = MultiLabel((0.3, 0.5))
    save_predictions(predictions(task=task), tmp_path / "p.csv")
    lines = (tmp_path / "p.csv").read_text().splitlines()
    assert lines[0] == '"path","truth","label","probability","a","b"'
    assert lines[2] == '"1.jpg","a;b","a;b",0.4,0.4,0.6'
    assert lines[4] == '"3.jpg","b","",0.7,0.1,0.3'  # surest of a (0.9), least sure of b (0.7)
    found = load_predictions(tmp_path / "p.csv", task)
    np.testing.assert_array_equal(found.labels, LABELS)
    np.testing.assert_array_equal(found.probs, PROBS)


def test_curves_are_of_each_label():
    found = curves(predictions())
    assert found["a"].roc.true_positive_rate[-1] == 1.0
    assert found["b"].precision_recall.precision[-1] == 0.5  # of all four photos


def test_f1_at_every_threshold_is_that_worked_out_by_hand():
    thresholds, f1 = f1_by_threshold(np.array([0.9, 0.4, 0.4, 0.1]), np.array([1, 1, 0, 0]))
    # Between 0.9 and 0.4 one photo is given the label; down to 0.1 three are; below 0.1 all.
    np.testing.assert_allclose(thresholds, [0.65, 0.25, 0.05])
    np.testing.assert_allclose(f1, [2 / 3, 4 / 5, 4 / 6])


def test_threshold_is_that_of_the_highest_f1_and_even_where_photos_are_few():
    # 12 photos have the label, with 0.3 and 0.35; the 12 others have 0.1 and 0.2, two have 0.32.
    probs = np.array([0.3] * 6 + [0.35] * 6 + [0.1] * 6 + [0.2] * 4 + [0.32] * 2)
    labels = np.array([1] * 12 + [0] * 12)
    few = np.array([1] * 9 + [0] * 15)
    every = np.ones(24, np.int64)
    found = fit_thresholds(np.stack([probs] * 3, axis=1), np.stack([labels, few, every], axis=1))
    # From 0.25 on: 12 right, 2 wrong, F1 24 / 26; from 0.335 on: 6 right, none wrong, 12 / 18.
    assert found == (0.25, 0.5, 0.5)


@pytest.mark.parametrize(("count", "threshold"), [(9, 0.5), (10, 0.2), (29, 0.2), (30, 0.5)])
def test_a_threshold_is_fitted_from_ten_photos_on_and_where_some_lack_the_label(count, threshold):
    probs = np.array([0.3] * count + [0.1] * (30 - count))
    labels = np.array([1] * count + [0] * (30 - count))
    assert fit_thresholds(probs[:, None], labels[:, None]) == pytest.approx((threshold,))


def test_a_label_of_no_photo_has_an_f1_of_0_at_every_threshold():
    thresholds, f1 = f1_by_threshold(np.array([0.2, 0.8, 0.8]), np.array([0, 0, 0]))
    np.testing.assert_allclose(thresholds, [0.5, 0.1])
    assert f1.tolist() == [0, 0]


def test_of_equal_thresholds_the_nearest_to_a_half_is_taken():
    probs = np.array([0.8] * 10 + [0.2] * 10)
    labels = np.array([1] * 10 + [0] * 10)
    assert fit_thresholds(probs[:, None], labels[:, None]) == (0.5,)


def test_one_temperature_makes_the_probabilities_of_all_labels_true():
    # Logits of +-4 say 98 %, but 3 of 4 decisions are right: log(3) would be true.
    labels = np.tile([[1, 0], [1, 0], [1, 0], [0, 1]], (500, 1))
    logits = np.tile([[4.0, -4.0]], (2000, 1))
    assert fit_label_temperature(logits, labels) == pytest.approx(4 / np.log(3), rel=0.01)
