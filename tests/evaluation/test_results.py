import json
import os

import pytest

from pawsight.errors import RunError
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


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"headline": "test", "parts": {}},
        {"headline": "test", "parts": {"train": {"n": 1, "num_correct": 1}}},
        {"headline": "test", "parts": {"test": {"n": "many", "num_correct": 1}}},
        {"headline": "test", "parts": {"test": {"n": 1}}},
    ],
)
def test_what_is_no_evaluation_is_an_error_for_people(found):
    with pytest.raises(RunError, match="pawsight evaluate RUN"):
        Evaluation.from_json(found)
