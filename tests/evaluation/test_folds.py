import json

import pytest

from pawsight.errors import DataError
from pawsight.evaluation.folds import summarize_folds
from pawsight.evaluation.intervals import wilson_interval
from pawsight.evaluation.metrics import measure
from pawsight.evaluation.results import Evaluation, PartMetrics


def part_of(accuracy, n=10, **changes):
    scores = dict.fromkeys(
        ("balanced_accuracy", "macro_f1", "log_loss", "roc_auc", "average_precision"), accuracy
    )
    return PartMetrics.model_validate(
        {
            "n": n,
            "num_correct": round(accuracy * n),
            "accuracy": accuracy,
            "calibration_error": 0.1,
            "is_imbalanced": False,
            **scores,
            **changes,
        }
    )


def run_of(validation, test=None):
    return Evaluation(
        headline="validation", parts={"validation": validation} | ({"test": test} if test else {})
    )


def test_the_mean_and_the_spread_are_those_of_the_folds():
    found = summarize_folds([run_of(part_of(a)) for a in (0.7, 0.8, 0.9)])
    assert found.mean["accuracy"] == pytest.approx(0.8)
    # Squares of -0.1, 0 and 0.1 add up to 0.02, over 3 - 1.
    assert found.std["accuracy"] == pytest.approx(0.1)
    assert [fold["accuracy"] for fold in found.folds] == [0.7, 0.8, 0.9]
    assert found.mean["calibration_error"] == pytest.approx(0.1)


def test_photos_of_all_folds_count_together():
    found = summarize_folds([run_of(part_of(0.5, n=10)), run_of(part_of(0.9, n=30))])
    assert (found.n, found.num_correct) == (40, 32)
    assert found.accuracy == 0.8
    assert found.accuracy_interval == wilson_interval(32, 40)


def test_a_score_that_a_fold_lacks_has_no_mean():
    found = summarize_folds([run_of(part_of(0.5)), run_of(part_of(0.9, roc_auc=None))])
    assert found.mean["roc_auc"] is None
    assert found.std["roc_auc"] is None
    assert [fold["roc_auc"] for fold in found.folds] == [0.5, None]


def test_the_test_part_that_all_folds_share_is_distinguished():
    found = summarize_folds([run_of(part_of(0.5), part_of(0.6)), run_of(part_of(0.9), part_of(1))])
    assert found.test.mean["accuracy"] == pytest.approx(0.8)
    assert found.mean["accuracy"] == pytest.approx(0.7)
    assert summarize_folds([run_of(part_of(0.5))]).test is None


def test_one_uneven_fold_makes_the_whole_uneven():
    runs = [run_of(part_of(0.5)), run_of(part_of(0.5, is_imbalanced=True))]
    assert summarize_folds(runs).is_imbalanced


def test_real_metrics_go_in_and_json_comes_out(make_predictions):
    metrics = measure(make_predictions([0, 1], [[0.9, 0.1], [0.2, 0.8]]))
    found = summarize_folds([run_of(metrics)] * 2)
    assert (
        json.loads(json.dumps(found.model_dump(mode="json"), allow_nan=False))["mean"]["accuracy"]
        == 1.0
    )


def test_no_folds_is_an_error():
    with pytest.raises(DataError, match="no folds"):
        summarize_folds([])


def test_one_fold_has_no_spread_and_two_have():
    assert summarize_folds([run_of(part_of(0.5))]).std["accuracy"] is None
    found = summarize_folds([run_of(part_of(0.5)), run_of(part_of(0.7))])
    assert found.std["accuracy"] == pytest.approx(0.1 * 2**0.5)
