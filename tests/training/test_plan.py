"""What a plan says of each step: progress, sizes, rates, validations, and what it says in words."""

import pytest

from pawsight.errors import RunError
from pawsight.runs import Run
from pawsight.storage.atomic import write_json
from pawsight.training.linear_head import Trial
from pawsight.training.plan import FittedHead, HeadPlan, Piece, Plan, Stage, load_plan, save_plan

STAGES = (Stage(until=0.5, image_size=(64, 64)), Stage(until=1.0, image_size=(128, 128)))


def test_progress_goes_straight_from_nought_to_one(plan_of):
    plan = plan_of(8)
    assert [plan.progress_at(step) for step in range(9)] == [step / 8 for step in range(9)]
    assert plan.progress_at(20) == 1.0


def test_a_new_end_bends_the_line_where_the_run_stands(plan_of):
    plan = plan_of(8).replanned(4, 2)
    assert plan.num_steps == 6
    assert [plan.progress_at(step) for step in (0, 2, 4, 5, 6)] == [0, 0.25, 0.5, 0.75, 1.0]
    assert plan.pieces[1] == Piece(step=4, progress=0.5, per_step=0.25)


def test_what_comes_later_changes_no_bit_of_what_came_before(plan_of):
    plan = plan_of(97, stages=STAGES)
    later = plan.replanned(31, 57).replanned(64, 1000)
    for step in range(31):
        assert plan.progress_at(step) == later.progress_at(step)
        assert plan.learning_rate_at(step) == later.learning_rate_at(step)


def test_a_second_new_end_at_the_same_step_takes_the_place_of_the_first(plan_of):
    assert plan_of(8).replanned(4, 2).replanned(4, 3) == plan_of(8).replanned(4, 3)


def test_a_plan_survives_its_file_to_the_bit(plan_of):
    plan = plan_of(97, stages=STAGES, augment_strength=1.2).replanned(31, 57)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_a_plan_of_an_earlier_version_has_one_stage_and_one_piece(plan_of):
    saved = plan_of(8).model_dump(mode="json")
    for name in ("stages", "pieces"):
        del saved[name]
    plan = Plan.model_validate(saved)
    assert plan.stages == (Stage(until=1.0, image_size=(128, 128)),)
    assert plan.progress_at(2) == 0.25


def test_the_learning_rate_rises_to_its_peak_and_falls_to_zero(plan_of):
    plan = plan_of(100)
    rates = [plan.learning_rate_at(step) for step in range(100)]
    assert rates[:20] == sorted(rates[:20])
    assert rates[19] == pytest.approx(1.0)  # the peak after a fifth
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert rates[60] == pytest.approx(0.5)  # halfway down
    assert 0 < rates[99] <= 1 / 79
    # Where no step ends at the peak, a step on both sides of it has the highest rate and no more.
    assert max(plan_of(7).learning_rate_at(step) for step in range(7)) == 1.0


def test_the_learning_rate_falls_to_zero_wherever_the_end_comes_to_lie(plan_of):
    for num_more in (1, 7, 900):
        plan = plan_of(100).replanned(30, num_more)
        # The last step has a share of what was left of the fall, by the number of steps left.
        assert plan.learning_rate_at(29 + num_more) == pytest.approx(0.7 / 0.8 / num_more)
        assert plan.progress_at(30 + num_more) == pytest.approx(1.0)


def test_a_constant_rate_stays(plan_of):
    plan = plan_of(10, schedule="constant")
    assert {plan.learning_rate_at(step) for step in range(10)} == {1.0}


def test_photos_grow_at_the_progress_that_the_stages_name(plan_of):
    plan = plan_of(10, stages=STAGES)
    assert [plan.stage_at(step) for step in range(12)] == [0] * 5 + [1] * 7
    # From step 4 (progress 0.4) on 3 steps are left, of 0.2 each: the third begins at 0.8.
    assert [plan.replanned(4, 3).stage_at(step) for step in range(7)] == [0] * 5 + [1] * 2


def test_a_plan_that_cannot_be_followed_explains_what_to_do(plan_of, tmp_path):
    run = Run(tmp_path)
    write_json(run.plan_path, plan_of(8).model_dump(mode="json") | {"optimizer": "adagrad"})
    with pytest.raises(RunError, match=r"(?s)optimizer.*Start a new run"):
        load_plan(run)


@pytest.mark.parametrize(
    ("every", "expected", "epochs"),
    [
        (1.0, [4, 7, 10], [1, 2, 3]),  # 100 photos in batches of 32: 3.125 steps an epoch
        (2.0, [7, 10], [2, 3.2]),
        (0.5, [2, 4, 5, 7, 8, 10], [0.5, 1, 1.5, 2, 2.5, 3]),
    ],
)
def test_validations_come_with_the_step_that_shows_the_last_photo(plan_of, every, expected, epochs):
    plan = plan_of(10, num_train=100, batch_size=32, validate_every=every)
    found = [step for step in range(1, 11) if plan.is_validated_after(step)]
    assert found == expected
    assert [plan.epochs_at(step) for step in found] == epochs
    assert plan.epochs_at(1) == 0.32
    assert plan_of(10, num_train=96, batch_size=4).epochs_at(1) == 0.042  # 1 / 24


def test_a_batch_larger_than_the_photos_is_validated_after_each_step(plan_of):
    plan = plan_of(5, num_train=10, batch_size=32)
    assert [step for step in range(1, 6) if plan.is_validated_after(step)] == [1, 2, 3, 4, 5]


def test_the_plan_is_described_before_it_begins(plan_of):
    words = plan_of(14_234, num_train=38_000, stages=STAGES, minutes=10, seconds=570.0).describe()
    assert words == (
        "10 min: 24 epochs of 38,000 photos, 64 to 128 px, about 14,200 steps of 64, bfloat16 "
        "(measured 1.7 times as fast as float32 here)"
    )
    exact = plan_of(30, image_size=(96, 128)).describe()
    assert exact.startswith("3 epochs of 640 photos, 128x96 px, 30 steps of 64, bfloat16")


def _head_plan():
    return HeadPlan(
        model="builtin",
        class_names=("cats", "dogs"),
        image_size=(96, 96),
        resize="stretch",
        num_train=40,
        num_validation=9,
        seed=0,
        batch_size=80,
        precision="float32",
        head=FittedHead(
            views=("as it is", "mirrored"),
            num_features=1024,
            strength=0.03,
            cross_validation=(Trial(0.03, 0.2, 0.9),),
        ),
    )


def test_each_kind_of_plan_survives_its_file(plan_of, tmp_path):
    run = Run(tmp_path)
    for plan in (plan_of(8, limited_by="reading photos, 9 images/s"), _head_plan()):
        save_plan(run, plan)
        assert load_plan(run) == plan


def test_a_plan_of_a_version_without_kinds_is_recognised_by_what_it_holds(plan_of, tmp_path):
    run = Run(tmp_path)
    for plan in (plan_of(8), _head_plan()):
        saved = plan.model_dump(mode="json")
        del saved["kind"]
        write_json(run.plan_path, saved)
        assert load_plan(run) == plan


def test_a_plan_of_a_kind_that_is_not_known_is_refused(plan_of, tmp_path):
    run = Run(tmp_path)
    write_json(run.plan_path, plan_of(8).model_dump(mode="json") | {"kind": "forest"})
    with pytest.raises(RunError, match=r"plan\.json is damaged or of another version"):
        load_plan(run)


@pytest.mark.parametrize(
    "change",
    [
        {"num_steps": 0},
        {"num_steps": "many"},
        {"num_steps": 0, "pieces": []},
        {"num_steps": "8", "pieces": []},
        {"batch_size": 0},
        {"num_train": 0},
        {"stages": [{}]},
        {"pieces": [{"step": 5, "progress": 0.0, "per_step": 0.1}]},
        {"class_names": None},
        {"kind": 7},
        {"kind": "linear_head"},
    ],
)
def test_an_odd_plan_is_a_plain_error(plan_of, tmp_path, change):
    run = Run(tmp_path)
    write_json(run.plan_path, plan_of(8).model_dump(mode="json") | change)
    with pytest.raises(RunError, match=r"(?s)plan\.json is damaged.*Start a new run"):
        load_plan(run)


def test_fields_that_a_plan_leaves_out_change_nothing(plan_of):
    saved = plan_of(8).model_dump(mode="json")
    names = ("warmup", "augment_strength", "validate_every", "finish_seconds", "task")
    plan = Plan.model_validate({name: saved[name] for name in saved if name not in names})
    assert (plan.warmup, plan.augment_strength, plan.validate_every) == (0.15, 1.0, 1.0)
    assert (plan.finish_seconds, plan.task) == (0.0, "single-label")
    assert Stage(until=1.0, image_size=(8, 8)).share == 1.0
    assert Plan.model_validate(plan) == plan
    one = plan_of(1, num_train=1, num_validation=1, batch_size=1)
    assert (one.num_steps, one.epochs) == (1, 1.0)
    with pytest.raises(ValueError, match="must cover the run from its first step"):
        plan_of(8, pieces=(Piece(step=1, progress=0.0, per_step=0.1),))


def test_layers_and_weights_are_described(plan_of):
    stages = (
        Stage(until=0.4, image_size=(64, 64), share=1 / 3),
        Stage(until=0.7, image_size=(64, 64), share=0.5),
        Stage(until=1.0, image_size=(64, 64)),
    )
    words = plan_of(8, stages=stages, image_size=(64, 64)).describe()
    assert words.endswith("; the last 33 % of its layers are trained, then 50 %, then all")
    words = plan_of(8, class_weights=(0.5, 2.0)).describe()
    assert words.endswith(
        "; the classes are imbalanced, so a photo of 'dogs' has 4 times the weight of one of 'cats'"
    )
    assert ", about 999 steps of" in plan_of(999, seconds=1.0).describe()
    assert ", about 1,000 steps of" in plan_of(1000, seconds=1.0).describe()
    assert ", about 1,240 steps of" in plan_of(1235, seconds=1.0).describe()


def test_a_plan_that_is_no_record_is_a_plain_error(tmp_path):
    run = Run(tmp_path)
    write_json(run.plan_path, [1, 2])
    with pytest.raises(RunError, match=r"plan\.json is damaged"):
        load_plan(run)
