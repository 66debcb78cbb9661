import json
from dataclasses import replace
from math import log

import numpy as np
import pytest

from pawsight.errors import ShapeError
from pawsight.evaluation.curve_records import load_curves
from pawsight.evaluation.intervals import balanced_interval, wilson_interval
from pawsight.evaluation.metrics import curves, measure, save_evaluation
from pawsight.evaluation.predictions import load_predictions
from pawsight.evaluation.results import Evaluation, LostPhoto
from pawsight.runs import Run


@pytest.fixture
def four_photos(make_predictions):
    """Two of a, two of b; one b is taken for an a."""
    return make_predictions([0, 0, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])


def test_accuracy_counts_the_most_probable_class(four_photos):
    found = measure(four_photos)

    assert (found.n, found.num_correct, found.accuracy) == (4, 3, 0.75)


def test_confusion_matrix_has_a_row_per_true_class(four_photos):
    assert measure(four_photos).confusion_matrix == ((2, 0), (1, 1))


def test_each_class_has_its_own_numbers(four_photos):
    found = measure(four_photos).per_class

    assert found["a"].precision == pytest.approx(2 / 3)
    assert found["a"].recall == 1.0
    assert found["a"].f1 == pytest.approx(0.8)
    assert found["b"].precision == 1.0
    assert found["b"].recall == 0.5
    assert found["b"].f1 == pytest.approx(2 / 3)
    assert [found[name].support for name in "ab"] == [2, 2]


def test_macro_f1_is_the_plain_mean_over_classes(four_photos):
    assert measure(four_photos).scores["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)


def test_log_loss_is_the_mean_of_the_surprises(four_photos):
    expected = -(log(0.9) + log(0.6) + log(0.3) + log(0.8)) / 4

    assert measure(four_photos).scores["log_loss"] == pytest.approx(expected)


def test_log_loss_of_a_certain_mistake_is_finite(make_predictions):
    found = measure(make_predictions([0, 1], [[0.0, 1.0], [0.0, 1.0]]))

    assert found.scores["log_loss"] == pytest.approx(-log(1e-7) / 2)
    assert found.log_loss_clip == 1e-7


def test_roc_area_is_the_share_of_pairs_in_the_right_order(four_photos):
    # b against a: 0.3 > 0.1, 0.3 < 0.4, 0.8 > 0.1, 0.8 > 0.4: 3 of 4 pairs.
    found = measure(four_photos)

    assert found.scores["roc_auc"] == 0.75
    assert found.per_class["a"].roc_auc == 0.75


def test_average_precision_adds_up_the_precisions_at_each_hit(four_photos):
    # b by falling probability: b a b a, so 1/1 at recall 1/2 and 2/3 at recall 1.
    found = measure(four_photos).per_class["b"]

    assert found.average_precision == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_balanced_accuracy_does_not_reward_ignoring_the_rare_class(make_predictions):
    found = measure(make_predictions([0] * 9 + [1], [[0.8, 0.2]] * 10))

    assert found.accuracy == 0.9
    assert found.scores["balanced_accuracy"] == 0.5


def test_baseline_always_predicts_the_most_frequent_class(make_predictions):
    found = measure(make_predictions([1, 1, 1, 0], [[0.8, 0.2]] * 4))

    assert (found.baseline_accuracy, found.baseline_class) == (0.75, "b")


def test_calibration_error_is_the_mean_gap_between_claim_and_truth(make_predictions):
    # Two photos at 0.9, both right: gap 0.1. Two at 0.7, one right: gap 0.2.
    found = measure(
        make_predictions([0, 0, 0, 1], [[0.9, 0.1], [0.9, 0.1], [0.7, 0.3], [0.7, 0.3]])
    )

    assert found.scores["calibration_error"] == pytest.approx((0.1 + 0.2) / 2)
    assert [(b.n, b.accuracy) for b in found.reliability] == [(2, 0.5), (2, 1.0)]


def test_a_confidence_on_the_edge_belongs_to_the_bin_below(make_predictions):
    # 15 bins: 0.6 is the upper edge of the ninth, 8/15 .. 9/15.
    found = measure(make_predictions([0, 1], [[0.6, 0.4], [0.4, 0.6]]))

    assert found.reliability[0].high == pytest.approx(0.6)


def test_ties_go_to_the_lower_class(make_predictions):
    assert measure(make_predictions([0, 1], [[0.5, 0.5]] * 2)).confusion_matrix == (
        (1, 0),
        (1, 0),
    )


def test_areas_of_several_classes_are_averaged(make_predictions):
    probs = [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7], [0.5, 0.2, 0.3]]
    found = measure(make_predictions([0, 1, 2, 2], probs))

    # a: its one photo tops all. b: likewise. c: 0.7 and 0.3 both above 0.1 and 0.1.
    assert found.scores["roc_auc"] == 1.0
    assert found.scores["average_precision"] == 1.0


def test_what_is_undefined_is_none_and_warns_nobody(make_predictions):
    found = measure(make_predictions([0, 0, 1], [[0.9, 0.1, 0.0]] * 3)).per_class

    assert found["c"].model_dump() == {
        "precision": None,
        "precision_interval": None,
        "recall_interval": None,
        "recall": None,
        "f1": None,
        "support": 0,
        "roc_auc": None,
        "average_precision": None,
    }
    assert found["b"].precision is None
    assert found["b"].f1 == 0.0


def test_a_part_with_a_single_class_is_measured_as_far_as_it_goes(make_predictions):
    found = measure(make_predictions([0, 0], [[0.9, 0.1], [0.4, 0.6]]))

    assert found.accuracy == found.scores["balanced_accuracy"] == 0.5
    assert found.scores["roc_auc"] is None
    assert found.scores["average_precision"] == 1.0


def test_metrics_are_json(four_photos):
    found = measure(four_photos).model_dump(mode="json")
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_nothing_cannot_be_measured(make_predictions):
    with pytest.raises(ShapeError, match="nothing to measure"):
        measure(make_predictions([], np.zeros((0, 2))))


def test_wilson_interval_matches_the_formula_done_by_hand():
    # 8 of 10, z = 1.96: (0.8 + 0.19207) / 1.38415 -+ 1.95996 * sqrt(0.016 + 0.0096036) / 1.38415
    low, high = wilson_interval(8, 10)

    assert low == pytest.approx(0.49016, abs=1e-4)
    assert high == pytest.approx(0.94332, abs=1e-4)


def test_wilson_interval_of_a_perfect_score_leaves_room_for_doubt():
    # 20 of 20: the lower end is n / (n + z^2).
    low, high = wilson_interval(20, 20)

    assert low == pytest.approx(20 / (20 + 3.841459), abs=1e-6)
    assert high == pytest.approx(1.0)


def test_roc_curve_climbs_from_nothing_to_everything(four_photos):
    # b by falling probability: hit, miss, hit, miss.
    found = curves(four_photos)["b"].roc

    assert found.false_positive_rate == (0.0, 0.0, 0.5, 0.5, 1.0)
    assert found.true_positive_rate == (0.0, 0.5, 0.5, 1.0, 1.0)


def test_precision_recall_curve_starts_at_recall_zero(four_photos):
    found = curves(four_photos)["b"].precision_recall

    assert found.recall[0] == 0.0
    assert found.precision[0] == 1.0
    assert found.recall[-1] == 1.0


def test_long_curves_are_thinned_and_keep_their_ends(make_predictions):
    rng = np.random.default_rng(0)
    second = rng.random(5000)
    found = curves(
        make_predictions(rng.integers(0, 2, 5000), np.stack([1 - second, second], axis=1))
    )

    for name in "ab":
        assert len(found[name].roc.false_positive_rate) <= 200
        assert len(found[name].precision_recall.recall) <= 200
        assert found[name].roc.true_positive_rate[0] == 0.0
        assert found[name].roc.true_positive_rate[-1] == 1.0


def test_a_class_that_is_absent_has_no_curves(make_predictions):
    found = curves(make_predictions([0, 1], [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]]))

    assert (found["c"].roc, found["c"].precision_recall) == (None, None)


def test_an_evaluation_is_saved_whole(tmp_path, four_photos):
    run = Run(tmp_path)

    saved = save_evaluation(run, {"validation": four_photos, "test": four_photos}, temperature=1.5)

    assert saved.to_json() == run.metrics
    assert saved == Evaluation.load(run)
    assert saved.headline == "test"
    assert run.metrics["temperature"] == 1.5
    assert run.metrics["parts"]["validation"]["accuracy"] == 0.75
    assert load_predictions(run.predictions_path("test")).paths == four_photos.paths
    assert load_curves(run) == dict.fromkeys(("validation", "test"), curves(four_photos))


def test_without_a_test_part_the_validation_part_makes_the_headline(tmp_path, four_photos):
    assert save_evaluation(Run(tmp_path), {"validation": four_photos}).headline == "validation"


@pytest.mark.parametrize(
    ("labels", "is_uneven", "expected"),
    [
        ([0] * 3 + [1] * 2, False, False),  # 1.5 : 1 is not more
        ([0] * 31 + [1] * 20, False, True),
        ([0] * 3, False, False),  # the part has one class only
        ([0, 1], True, True),  # the training part is uneven
    ],
)
def test_classes_are_uneven_beyond_one_and_a_half_to_one(
    make_predictions, labels, is_uneven, expected
):
    found = measure(make_predictions(labels, [[0.8, 0.2]] * len(labels)), is_uneven)

    assert found.is_imbalanced is expected


def test_the_interval_of_the_balanced_accuracy_is_as_wide_as_the_rarest_class_makes_it():
    # One class: that of the class itself.
    assert balanced_interval(np.array([8, 0]), np.array([10, 0])) == wilson_interval(8, 10)
    # Two equal classes: the reach of each, divided by the root of two.
    low, high = wilson_interval(8, 10)
    found = balanced_interval(np.array([8, 8]), np.array([10, 10]))
    assert found == pytest.approx([0.8 - (0.8 - low) / 2**0.5, 0.8 + (high - 0.8) / 2**0.5])
    # A class of 100,000 is known nearly exactly, so the other's reach counts, halved.
    found = balanced_interval(np.array([50_000, 8]), np.array([100_000, 10]))
    assert found == pytest.approx([0.65 - (0.8 - low) / 2, 0.65 + (high - 0.8) / 2], abs=1e-4)


def test_the_interval_of_the_balanced_accuracy_holds_in_95_of_100_draws():
    random = np.random.default_rng(0)
    support, recalls = np.array([200, 30]), np.array([0.95, 0.7])
    held = 0
    for _ in range(2000):
        low, high = balanced_interval(random.binomial(support, recalls), support)
        held += low <= recalls.mean() <= high
    assert 0.93 <= held / 2000 <= 0.97


def test_lost_photos_are_kept_with_the_metrics(tmp_path, make_predictions):
    lost = [{"path": "cats/1.jpg", "problem": "the file is no longer there"}]
    predictions = make_predictions([0, 1], [[0.9, 0.1], [0.2, 0.8]])

    save_evaluation(
        Run(tmp_path),
        {"test": predictions},
        is_train_imbalanced=True,
        lost=map(LostPhoto.model_validate, lost),
    )

    found = Run(tmp_path).metrics
    assert found["lost"] == lost
    assert found["parts"]["test"]["is_imbalanced"]


def test_a_class_without_photos_has_no_precision_however_often_it_was_predicted(make_predictions):
    found = measure(make_predictions([0, 0], [[0.1, 0.9], [0.8, 0.2]]))

    assert (found.per_class["b"].precision, found.per_class["b"].f1) == (None, None)
    assert found.scores["macro_f1"] == pytest.approx(2 / 3)  # of class a: precision 1, recall 1/2


def test_precision_and_recall_of_a_class_have_intervals(four_photos):
    found = measure(four_photos).per_class

    assert found["a"].precision_interval == wilson_interval(2, 3)
    assert found["a"].recall_interval == wilson_interval(2, 2)
    assert found["b"].precision_interval == wilson_interval(1, 1)
    assert found["b"].recall_interval == wilson_interval(1, 2)


def test_arrays_that_disagree_are_refused(make_predictions):
    right = make_predictions([0, 1], [[0.9, 0.1], [0.2, 0.8]])
    for changes in ({"labels": right.labels[:1]}, {"probs": right.probs[:, :1]}):
        with pytest.raises(ShapeError, match="do not fit 2 photos of 2 classes"):
            measure(replace(right, **changes))
