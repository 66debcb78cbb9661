"""A budget is kept on machines of any speed: a run is acted out on a clock of its own."""

import itertools
import math
import random

import pytest

from pawsight.errors import RunError
from pawsight.runs import Run
from pawsight.training.pacing import (
    Pace,
    fitted,
    last_validation_seconds,
    least_seconds,
    load_followed_plan,
)
from pawsight.training.plan import FittedHead, HeadPlan, Piece, Stage, save_plan

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


def test_a_short_burst_of_other_load_does_not_end_a_run_with_much_to_do_after_it(budget):
    plan = budget(90.0).model_copy(update={"finish_seconds": 60.0})
    # From 3 s to 9 s: had that been expected of the 60 s as well, nothing would have been left.
    taken, last_rate, _ = acted_out(plan, lambda now: 4.0 if 3 < now < 9 else 1.0)
    assert taken == pytest.approx(90, rel=0.05)
    assert last_rate < 0.05


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


def even_plan(plan_of, num_steps=1000, **costs):
    """A plan of 10 steps an epoch, all of one size."""
    stage = Stage(until=1.0, image_size=(128, 128), **costs)
    return plan_of(num_steps, num_train=640, stages=(stage,))


@pytest.mark.parametrize(
    ("every", "seconds"),
    [
        # Half the steps take 0.1 s and half 0.4 s; the last validation takes 2 s.
        (math.inf, 16 * 0.25 + 2.0),
        # Each 10 steps a validation of 0.5 s, or of 2 s at the larger size.
        (1.0, 16 * (0.15 + 0.6) / 2 + 2.0),
        # At most one validation a step.
        (0.05, 16 * (0.6 + 2.4) / 2 + 2.0),
    ],
)
def test_least_time_is_that_of_sixteen_steps_with_their_validations(plan_of, every, seconds):
    plan = plan_of(2, num_train=640, stages=STAGES, validate_every=every)
    assert least_seconds(plan) == pytest.approx(seconds)


def test_steps_at_the_end_of_a_plan_cost_what_its_last_stage_costs(plan_of):
    pieces = (Piece(step=0, progress=1.0, per_step=0.0),)
    plan = plan_of(9, stages=STAGES, pieces=pieces, validate_every=math.inf)
    assert least_seconds(plan) == pytest.approx(16 * 0.4 + 2.0)


def test_last_validation_takes_longer_by_the_pixels_of_the_full_size(plan_of):
    stage = Stage(until=1.0, image_size=(64, 32), step_seconds=0.1, validation_seconds=0.5)
    plan = plan_of(9, image_size=(128, 96), stages=(STAGES[0], stage))
    assert last_validation_seconds(plan) == pytest.approx(0.5 * 2 * 3)
    assert last_validation_seconds(plan_of(9)) == 0.0  # not measured


def test_steps_that_cost_nothing_are_as_many_as_the_photos_are_worth(plan_of):
    plan = even_plan(plan_of).model_copy(update={"most_steps": 500})
    assert fitted(plan, 1.0).num_steps == 500


@pytest.mark.parametrize(
    ("steps", "validation_seconds", "every"),
    [
        (10_010, None, 11.0),  # 1,001 epochs: 91 validations, as 100 are the most
        (30, 0.001, 0.5),  # 3 epochs: 8 validations at least, where they cost nothing
        (20, None, 1.0),  # not measured: one each epoch
        (30, 10.0, 3.0),  # too dear: one in all
    ],
)
def test_validations_are_neither_too_many_nor_too_few(plan_of, steps, validation_seconds, every):
    plan = even_plan(plan_of, step_seconds=1.0, validation_seconds=validation_seconds)
    fitting = fitted(plan, steps + 0.5 + (validation_seconds or 0.0))
    assert fitting.validate_every == pytest.approx(every)


@pytest.mark.parametrize(
    ("first", "second", "budget", "taken", "slowness"),
    [
        # Two steps as measured count for half after a step of half the window, 6 x 0.1 s.
        (0.1, 0.4, None, 0.3, (0.1 + 0.3) / (0.1 + 0.1)),
        # The window is 3 % of the budget, 1.2 s; a second as measured where nothing was.
        (None, 0.4, 40.0, 0.6, (0.5 + 0.6) / (0.5 + 0.4)),
        # No window: only the last step counts.
        (None, 0.4, None, 0.001, 0.001 / 0.4),
    ],
)
def test_pace_is_that_of_the_last_steps(plan_of, first, second, budget, taken, slowness):
    stages = (
        Stage(until=0.5, image_size=(64, 64), step_seconds=first),
        Stage(until=1.0, image_size=(128, 128), step_seconds=second),
    )
    plan = plan_of(100, stages=stages, seconds=budget)
    pace = Pace(plan, AHEAD)
    assert pace.slowness == 1.0
    pace.record_step(plan, 0 if first else 50, taken)
    assert pace.slowness == pytest.approx(slowness)


def paced(plan, num_seen=6):
    """The pace of a machine as fast as measured, one second a step."""
    pace = Pace(plan, AHEAD)
    for step in range(num_seen):
        pace.record_step(plan, step, 1.0)
    return pace


@pytest.mark.parametrize(
    ("step", "late", "num_steps"),
    [
        (6, 70.5, 929),  # 7 % are made up for at once
        (6, 50.5, None),
        (12, 20.5, 979),  # 2 % after a hundredth of the run
        (8, 20.5, None),
        (12, 10.5, None),
        (35, 5.5, 994),  # 0.5 % after three hundredths
        (25, 5.5, None),
        (35, 2.5, None),
    ],
)
def test_a_small_miss_is_made_up_for_later_than_a_large_one(plan_of, step, late, num_steps):
    plan = even_plan(plan_of, step_seconds=1.0).model_copy(update={"seconds": 1000.0})
    found = paced(plan).replanned(plan, step, step + late)
    assert (found and found.num_steps) == num_steps


def test_a_plan_moves_its_end_only_after_six_steps_and_before_the_last_batches(plan_of):
    plan = even_plan(plan_of, step_seconds=1.0).model_copy(update={"seconds": 1000.0})
    assert paced(plan, 5).replanned(plan, 100, 300.0) is None
    moved = paced(plan).replanned(plan, 100, 300.0)
    # What is decided already takes 5 s of the 700 s that are left.
    assert (moved.num_steps, moved.pieces[-1].step) == (800, 105)
    assert paced(moved).replanned(moved, 104, 500.0) is None  # its last change is still ahead
    assert paced(moved).replanned(moved, 105, 500.0).pieces[-1].step == 110
    assert paced(plan).replanned(plan, 995, 10.0) is None


def test_the_plan_that_is_followed_is_one_of_steps(plan_of, tmp_path):
    run, plan = Run(tmp_path), plan_of(9)
    save_plan(run, plan)
    assert load_followed_plan(run) == plan
    head = FittedHead(views=("whole",), num_features=4, strength=0.1, cross_validation=())
    shared = plan.model_dump(include=set(HeadPlan.model_fields) - {"kind"})
    save_plan(run, HeadPlan(**shared, head=head))
    with pytest.raises(RunError, match="is the plan of a fitted head, not of training"):
        load_followed_plan(run)
