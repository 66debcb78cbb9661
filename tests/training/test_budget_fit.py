"""What a budget leaves for training once everything around it is counted."""

import math
from types import SimpleNamespace

import pytest

from pawsight.config import TrainConfig
from pawsight.training import budget_fit, planning
from pawsight.training.budget_fit import OutOfTimeError, TimeCosts, fit_to_budget
from pawsight.training.precision import Precision

FULL_SECONDS = 5.0  # of a validation at the full size
ROW = object()  # a score of the initial weights
BUDGET = SimpleNamespace(spent_seconds=30.0, reserved_seconds=50.0)


def costs(finish_seconds=20.0, speedup=1.0):
    return TimeCosts(BUDGET, finish_seconds, 100, 1.5, speedup)


@pytest.fixture
def fit(monkeypatch, recorded):
    """Fit a plan of 4,000 photos in batches of 128 to its budget; returns it and the notes."""
    timed = []

    def plan_for(step_seconds=0.16, start=None, costs_=None, changes=None, **settings):
        class Speed:
            def __init__(self, learner, seconds, speedup):
                timed.append((seconds, speedup))

            def step_seconds(self, plan, number):
                assert number == 0
                return step_seconds

            def with_costs(self, plan):
                stages = [
                    stage.model_copy(
                        update={
                            "step_seconds": 0.5,
                            "validation_seconds": FULL_SECONDS
                            * math.prod(stage.image_size)
                            / math.prod(plan.image_size),
                        }
                    )
                    for stage in plan.stages
                ]
                return plan.model_copy(update={"stages": tuple(stages)})

        monkeypatch.setattr(budget_fit, "Speed", Speed)
        config = TrainConfig(**({"model": "swift", "minutes": 10} | settings))
        plan = planning.plan(
            config, ("cats", "dogs"), 4000, 100, Precision("float32", "for a test")
        )
        learner = SimpleNamespace(warm_start=start)
        return fit_to_budget(plan, config, learner, costs_ or costs(), recorded)

    plan_for.timed = timed
    return plan_for


def test_end_of_a_run_takes_its_evaluation_and_what_is_spent_already():
    # 100 photos, each 1.5 times as long as in validation.
    assert costs().overhead(0.05) == pytest.approx(30.0 + 20.0 + 100 * 1.5 * 0.05)


def test_what_is_left_of_the_budget_is_for_steps_and_validations(fit):
    # 550 s are not reserved, of which 97.5 % are planned for. Around training: 30 s are spent,
    # 20 s finish the run, and 100 photos are evaluated 1.5 times as slowly as 100 in 5 s.
    plan = fit()
    assert plan.seconds == pytest.approx(0.975 * 550 - (30 + 20 + 7.5))
    assert plan.finish_seconds == pytest.approx(20 + 7.5)


@pytest.mark.parametrize(
    ("row", "seconds"),
    # The initial weights are scored at first, where they have no score, and so is the average.
    [(None, 0.975 * 550 - 57.5 - 2 * FULL_SECONDS), (ROW, 0.975 * 550 - 57.5 - FULL_SECONDS)],
)
def test_scoring_the_initial_weights_takes_its_time(fit, row, seconds):
    assert fit(start=SimpleNamespace(row=row)).seconds == pytest.approx(seconds)


def test_smaller_images_are_scored_in_the_end_with_both_sets_of_weights(fit):
    plan = fit(start=SimpleNamespace(row=ROW), model="builtin", finetune=True)
    assert (plan.finished_sizes, plan.image_size) == (((224, 224), (192, 192)), (288, 288))
    more = 2 * FULL_SECONDS * (224**2 + 192**2) / 288**2
    assert plan.seconds == pytest.approx(0.975 * 550 - 57.5 - FULL_SECONDS - more)


@pytest.mark.parametrize(
    ("finish_seconds", "finished"),
    # A step on 64 of 160 pixels takes 0.32 s, so one at the full size 2 s, and an epoch of 4,000
    # photos in batches of 128 takes 62.5 s: the 500 s that are left are 8 epochs.
    [(20.0, 160), (20.5, 144)],
)
def test_sizes_are_those_for_the_epochs_that_the_time_allows(fit, finish_seconds, finished):
    plan = fit(step_seconds=0.32, costs_=costs(finish_seconds))
    assert plan.image_size == (finished, finished)


@pytest.mark.parametrize(("minutes", "seconds"), [(10, 2.0), (2, 0.008 * 70)])
def test_timing_takes_a_small_share_of_the_budget(fit, minutes, seconds):
    fit(minutes=minutes, costs_=costs(speedup=3.0))
    ((found, speedup),) = fit.timed
    assert (found, speedup) == (pytest.approx(seconds), 3.0)


def test_a_budget_too_short_to_improve_a_fitted_head_is_refused(fit):
    with pytest.raises(OutOfTimeError, match=r"2 min leave no time for fine-tuning\."):
        fit(start=SimpleNamespace(row=ROW), minutes=2)
    # Weights without a score cannot be used as they are: they are trained for a tenth of the time.
    assert fit(start=SimpleNamespace(row=None), minutes=2).seconds == pytest.approx(7.0)


def test_a_short_budget_is_noted(fit, recorded):
    fit(minutes=2)  # 70 s, less the 57.5 s around it
    assert recorded.notes == [
        "2 min is short: starting and evaluating take about 58 s. "
        "Give more --minutes for a better model."
    ]
    recorded.notes.clear()
    fit(minutes=3)  # 130 s, of which 69 s are left
    assert recorded.notes == []
