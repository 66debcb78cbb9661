import json
import os

import pytest

from pawsight.errors import RunError
from pawsight.evaluation.curve_records import load_curves
from pawsight.evaluation.metrics import measure
from pawsight.evaluation.results import Evaluation
from pawsight.evaluation.scores import SCORES
from pawsight.runs import Run


@pytest.fixture
def evaluation(make_predictions):
    odd = ("a", os.fsdecode(b"b\xff"))
    found = measure(make_predictions([0, 0, 1], [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]], odd))
    return Evaluation(headline="test", parts={"test": found}, temperature=1.5)


def test_json_holds_scores_and_intervals_beside_the_counts(evaluation):
    part = json.loads(json.dumps(evaluation.to_json(), allow_nan=False))["parts"]["test"]
    assert part["n"] == 3
    assert {score.key for score in SCORES} <= part.keys()
    assert part["accuracy"] == pytest.approx(2 / 3)
    assert len(part["accuracy_interval"]) == len(part["balanced_accuracy_interval"]) == 2
    assert "scores" not in part


def test_json_gives_the_same_evaluation_back(evaluation):
    assert Evaluation.from_json(evaluation.to_json()) == evaluation


def test_fields_that_do_not_apply_are_left_out(evaluation):
    assert evaluation.to_json().keys() == {"headline", "parts", "temperature", "lost"}


def test_the_shipped_models_metrics_can_be_loaded():
    from pawsight.models import builtin

    found = Evaluation.load(Run(builtin.folder()))
    assert found.main.scores["accuracy"] == found.main.accuracy
    assert found.main.calibration_noise is not None


_SOUND = {
    "n": 3,
    "num_correct": 2,
    "class_names": ["cat", "dog"],
    "per_class": {"cat": {"support": 2}, "dog": {"support": 1}},
    "confusion_matrix": [[1, 1], [0, 1]],
}
_WRONG = (
    {"n": 0, "num_correct": 0, "confusion_matrix": [[0, 0], [0, 0]]},
    {"num_correct": 4},
    {"num_correct": -1},
    {"class_names": ["cat"]},
    {"class_names": ["cat", "owl"]},
    {"confusion_matrix": []},
    {"confusion_matrix": [[3]]},
    {"confusion_matrix": [[1, 1], [1]]},
    {"confusion_matrix": [[1, 1], [1, 1]]},
    {"confusion_matrix": [[-1, 3], [0, 1]]},
)


def test_numbers_that_agree_are_an_evaluation():
    found = Evaluation.from_json({"headline": "test", "parts": {"test": _SOUND}})
    assert found.main.accuracy == 2 / 3


def test_the_earliest_versions_wrote_the_accuracy_in_the_place_of_the_count():
    found = Evaluation.from_json(
        {"headline": "test", "parts": {"test": {"n": 8, "accuracy": 0.625}}}
    )
    assert found.main.num_correct == 5


@pytest.mark.parametrize(
    "wrong", [{"accuracy": 0.5}, {"accuracy": "x", "n": 3}, {"accuracy": 1, "n": 10**400}]
)
def test_an_accuracy_that_gives_no_count_is_an_error_for_people(wrong):
    with pytest.raises(RunError, match="pawsight evaluate RUN"):
        Evaluation.from_json({"headline": "test", "parts": {"test": wrong}})


def test_a_curve_with_more_of_one_coordinate_is_an_error_for_people(tmp_path):
    run = Run(tmp_path)
    run.curves_path.parent.mkdir(parents=True)
    roc = {"false_positive_rate": [0, 1], "true_positive_rate": [0]}
    run.curves_path.write_text(json.dumps({"test": {"cat": {"roc": roc}}}))
    with pytest.raises(RunError, match=r"curves\.json is damaged"):
        load_curves(run)


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"headline": "test", "parts": {}},
        {"headline": "test", "parts": {"train": {"n": 1, "num_correct": 1}}},
        {"headline": "test", "parts": {"test": {"n": "many", "num_correct": 1}}},
        {"headline": "test", "parts": {"test": {"n": 1}}},
        *({"headline": "test", "parts": {"test": _SOUND | wrong}} for wrong in _WRONG),
    ],
)
def test_what_is_no_evaluation_is_an_error_for_people(found):
    with pytest.raises(RunError, match="pawsight evaluate RUN"):
        Evaluation.from_json(found)
