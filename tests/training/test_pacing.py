"""A budget is kept on machines of any speed: a run is acted out on a clock of its own."""

import itertools
import random

import pytest

from pawsight.training.pacing import Pace, fitted
from pawsight.training.plan import Stage

AHEAD = 5
STAGES = (
    Stage(until=0.5, image_size=(64, 64), step_seconds=0.1, validation_seconds=0.5),
    Stage(until=1.0, image_size=(128, 128), step_seconds=0.4, validation_seconds=2.0),
)


def acted_out(plan, slowness):
    """Follow a plan on a machine that takes `slowness(seconds so far)` times as long as measured.

    Returns:
        The seconds it took, the last learning rate by the peak, and the plan as it was followed.
    """
    pace, now, step = Pace(plan, AHEAD), 0.0, 0
    while step < plan.num_steps:
        stage = plan.stages[plan.stage_at(step)]
        taken = stage.step_seconds * slowness(now)
        pace.record_step(plan, step, taken)
        now, step = now + taken, step + 1
        if plan.is_validated_after(step):
            full = plan.stages[-1]
            size = full if step == plan.num_steps else stage
            now += size.validation_seconds * slowness(now)
        plan = pace.replanned(plan, step, now) or plan
    return now, plan.learning_rate_at(step - 1) / plan.learning_rate, plan


@pytest.fixture
def budget(plan_of):
    """Plan for some seconds with the costs of `STAGES`."""

    def plan(seconds, num_train=20_000, **fields):
        return fitted(plan_of(1000, num_train=num_train, stages=STAGES, **fields), seconds)

    return plan


def test_a_plan_is_as_long_as_its_costs_allow(plan_of):
    # Half the steps take 0.1 s and half 0.4 s, and the last validation 2 s: (502 - 2) / 0.25.
    plan = fitted(plan_of(10, num_train=10**9, stages=STAGES), 502.0)
    assert plan.num_steps == pytest.approx(2000, rel=0.05)  # less eight validations, at 4 % most
    assert plan.num_steps < 2000
    taken, _, _ = acted_out(plan, lambda now: 1.0)
    assert taken == pytest.approx(502, rel=0.01)


@pytest.mark.parametrize("minutes", [1, 3, 10, 60, 600])
@pytest.mark.parametrize("num_train", [64, 20_000, 1_000_000])
def test_any_budget_is_kept_with_photos_of_any_number(plan_of, minutes, num_train):
    scale = max(1.0, minutes / 20)  # as many steps to act out in an hour as in minutes
    stages = tuple(
        stage.model_copy(update={"step_seconds": stage.step_seconds * scale}) for stage in STAGES
    )
    plan = fitted(plan_of(1000, num_train=num_train, stages=stages), 60.0 * minutes)
    taken, last_rate, _ = acted_out(plan, lambda now: 1.0)
    assert taken == pytest.approx(60 * minutes, rel=0.05)
    assert last_rate < 0.05


@pytest.mark.parametrize(
    "slowness",
    [
        pytest.param(lambda now: 2.0, id="half as fast as measured"),
        pytest.param(lambda now: 0.5, id="twice as fast as measured"),
        pytest.param(lambda now: 1.0 if now < 150 else 2.5, id="slower from the middle on"),
        pytest.param(lambda now: 3.0 if now < 100 else 1.0, id="busy at the start"),
        pytest.param(lambda now: 2.0 if 200 < now < 230 else 1.0, id="busy for a while"),
        pytest.param(lambda now: 1.0 if now < 280 else 2.0, id="slower near the end"),
    ],
)
def test_the_end_comes_in_time_on_a_machine_whose_speed_changes(budget, slowness):
    taken, last_rate, plan = acted_out(budget(300.0), slowness)
    assert taken == pytest.approx(300, rel=0.05)
    assert last_rate < 0.05
    assert len(plan.pieces) < 120


def test_the_end_comes_in_time_although_no_two_steps_take_the_same(budget):
    noise = random.Random(0)
    taken, last_rate, plan = acted_out(budget(300.0), lambda now: noise.choice([0.6, 0.8, 2.0]))
    assert taken == pytest.approx(300, rel=0.05)
    assert last_rate < 0.05
    assert len(plan.pieces) < 120


def test_a_machine_as_fast_as_measured_is_left_alone_for_the_most_part(budget):
    _, _, plan = acted_out(budget(300.0), lambda now: 1.0)
    assert len(plan.pieces) < 10


def test_pieces_follow_each_other_and_none_begins_where_batches_are_made_already(budget):
    plan, seen = budget(300.0), []
    pace, now = Pace(plan, AHEAD), 0.0
    for step in itertools.count(1):
        taken = 2 * plan.stages[plan.stage_at(step - 1)].step_seconds
        pace.record_step(plan, step - 1, taken)
        now += taken
        revised = pace.replanned(plan, step, now)
        if revised is not None:
            assert revised.pieces[-1].step == step + AHEAD
            plan = revised
            seen.append(step)
        if step == plan.num_steps:
            break
    assert len(seen) >= 1
    steps = [piece.step for piece in plan.pieces]
    assert steps == sorted(set(steps))


def test_a_few_steps_remain_when_there_is_no_time_at_all(budget):
    assert budget(-5.0).num_steps == budget(0.0).num_steps == 16
    assert budget(0.0, most_steps=3).num_steps == 3


def test_a_run_that_seemed_to_have_no_time_takes_the_time_there_is(budget):
    # It was measured while the machine was busy, and is twenty times as fast now.
    taken, _, plan = acted_out(budget(3.0), lambda now: 0.05)
    assert plan.num_steps > 50
    assert taken == pytest.approx(3.0, rel=0.1)


def test_a_run_that_is_late_ends_with_the_steps_that_are_decided(budget):
    plan = budget(300.0)
    pace = Pace(plan, AHEAD)
    for step in range(94, 100):
        pace.record_step(plan, step, 0.1)
    late = pace.replanned(plan, 100, 1000.0)
    assert late.num_steps == 100 + AHEAD + 1


def test_spare_time_makes_a_run_no_longer_than_its_photos_are_worth(budget):
    plan = budget(1e6, most_steps=500)
    assert plan.num_steps == 500
    taken, _, followed = acted_out(plan, lambda now: 0.5)
    assert followed.num_steps == 500
    assert taken < 500


def test_a_slower_machine_is_given_more_time_for_what_comes_after(budget):
    plan = budget(300.0).model_copy(update={"finish_seconds": 20.0})
    taken, _, _ = acted_out(plan, lambda now: 2.0)
    assert taken == pytest.approx(280, rel=0.03)


def test_a_run_without_a_budget_is_never_planned_anew(plan_of):
    plan = plan_of(1000, stages=STAGES)
    assert Pace(plan, AHEAD).replanned(plan, 100, 1e6) is None


@pytest.mark.parametrize(
    ("num_train", "seconds", "every"),
    [
        # 20,000 photos: 312.5 steps of 0.25 s are 78 s an epoch. In 1560 s that is 20 of them, and
        # 4 % of the time is 62 s: 31 validations of 2 s.
        (20_000, 1560.0, 1.0),
        # 1,000 photos: 3.9 s an epoch, 77 of them in 300 s, 12 s for 6 validations: each 13.
        (1_000, 300.0, 13.0),
        # A million: 3,906 s an epoch, a twelfth of one in 325 s, 13 s for 6 validations.
        (1_000_000, 325.0, 1 / 78),
    ],
)
def test_validation_takes_a_few_percent_of_the_time_whatever_an_epoch_takes(
    budget, num_train, seconds, every
):
    plan = budget(seconds, num_train)
    assert plan.validate_every == pytest.approx(every, rel=0.1)
    count = plan.validations_by(plan.num_steps)
    assert count * 2.0 <= 0.05 * seconds
