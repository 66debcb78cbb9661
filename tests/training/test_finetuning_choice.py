"""When a fitted head is fine-tuned: photos, target, time, and what was decided before."""

from types import SimpleNamespace

import pytest

from pawsight.config import TrainConfig
from pawsight.runs import Run
from pawsight.training.plan import FittedHead, HeadPlan, save_plan
from pawsight.training.transfer import _is_worth_finetuning


@pytest.fixture
def decide(tmp_path, recorded):
    """Decide for so many photos, seconds that are left, and whether a target is reached."""

    def run(num_train=500, left=60.0, is_reached=False, **settings):
        catalog = SimpleNamespace(part=lambda part: range(num_train))
        score = SimpleNamespace(confirms=lambda target, is_balanced: is_reached)
        fitted = SimpleNamespace(
            dataset=SimpleNamespace(catalog=catalog),
            validation=None,
            score=lambda part: score,
            is_imbalanced=False,
        )
        config = TrainConfig(**({"finetune": "auto", "minutes": 5} | settings))
        budget = SimpleNamespace(left_seconds=left)
        return _is_worth_finetuning(Run(tmp_path), config, fitted, budget, recorded)

    return run


def test_few_photos_are_fine_tuned_only_on_request(decide, recorded):
    assert decide()
    assert recorded.notes == []
    assert not decide(num_train=499)
    assert recorded.notes[0].startswith("499 training photos are too few for fine-tuning: the fit")
    assert decide(num_train=499, finetune=True)
    assert decide(num_train=499, minutes=None, epochs=2)


def test_a_reached_target_or_too_little_time_ends_with_the_head(decide, recorded):
    assert not decide(left=59.9)
    assert recorded.notes[-1].startswith("5 min leave no time for fine-tuning. The fitted head on")
    assert not decide(is_reached=True, target_accuracy=0.9)
    assert recorded.notes[-1] == "Target of 90.0 % reached (lower 95 % bound) without fine-tuning."
    assert decide(is_reached=False, target_accuracy=0.9)
    assert decide(is_reached=True)  # without a target


def test_what_was_decided_before_is_kept(decide, plan_of, tmp_path):
    save_plan(Run(tmp_path), plan_of(9))
    assert decide(num_train=3, left=0.0)
    shared = plan_of(9).model_dump(include=set(HeadPlan.model_fields) - {"kind"})
    head = FittedHead(views=("as it is",), num_features=4, strength=0.1, cross_validation=())
    save_plan(Run(tmp_path), HeadPlan(**shared, head=head))
    assert not decide(num_train=9999, left=999.0)
