"""What is timed of a step and of a validation, on the clock of a learner without a network."""

import pytest

from pawsight.training import step_timing
from pawsight.training.photos import Subset
from pawsight.training.plan import Stage
from pawsight.training.step_timing import Speed

from .acted_learner import ActedLearner

STAGES = (
    Stage(until=0.5, image_size=(64, 64)),
    Stage(until=0.7, image_size=(64, 64), share=0.5),
    Stage(until=1.0, image_size=(128, 128)),
)


@pytest.fixture
def learner(monkeypatch):
    """A step takes 1 s, and 10 s more where it compiles."""
    found = ActedLearner()

    def compile_first(number):
        found.now += 10.0 if number < 1 else 0.0

    found.on_step = compile_first
    monkeypatch.setattr(step_timing.time, "perf_counter", lambda: found.now)
    return found


@pytest.mark.parametrize(
    ("seconds", "num_steps"),
    [
        (5.0, 2 + 5),  # two compile
        (0.001, 2 + 2),  # at least two
        (1e9, 2 + 40),  # at most 40
    ],
)
def test_steps_are_timed_once_they_are_compiled(plan_of, learner, seconds, num_steps):
    speed, plan = Speed(learner, seconds, speedup=2.0), plan_of(100, stages=STAGES)
    assert speed.step_seconds(plan, 0) == pytest.approx(1.0 / 2.0)
    assert learner.rates == [0.0] * num_steps  # so that nothing is learnt
    assert learner.weights[0] == 0
    speed.step_seconds(plan, 0)
    assert len(learner.rates) == num_steps  # timed once
    speed.step_seconds(plan, 1)
    assert len(learner.rates) == 2 * num_steps  # fewer layers: another step


@pytest.mark.parametrize(
    ("num_photos", "seconds"),
    [
        # What eight take stands for what does not depend on their number.
        (100, 1.08 + 0.01 * 100),
        (1000, 1.08 + 0.01 * 1000),  # from 384 of them
        (5, 1.0 + 0.01 * 5),  # too few to tell what one takes
    ],
)
def test_seconds_of_a_validation_grow_with_its_photos(plan_of, learner, num_photos, seconds):
    measured = []

    def measure(portion, size):
        learner.now += 1.0 + 0.01 * len(portion.indices) + (50.0 if not measured else 0.0)
        measured.append((len(portion.indices), size))

    learner.measure = measure
    learner.validation = Subset(*([0] * num_photos,) * 2)
    plan = Speed(learner, 5.0).with_costs(plan_of(100, stages=STAGES))
    assert [stage.validation_seconds for stage in plan.stages] == pytest.approx(
        [seconds / 4, seconds / 4, seconds]
    )
    assert [stage.step_seconds for stage in plan.stages] == pytest.approx([1.0] * 3)
    few, most = min(8, num_photos), min(384, num_photos)
    assert measured == [(few, (128, 128))] * 2 + [(most, (128, 128))]
