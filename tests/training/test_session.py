"""What a run decides before its first step, with a learner that trains nothing."""

from types import SimpleNamespace

import numpy as np
import pytest

from pawsight.config import TrainConfig
from pawsight.errors import RunError
from pawsight.runs import Run
from pawsight.training import session
from pawsight.training.custom_components import CustomComponents
from pawsight.training.plan import load_plan, save_plan
from pawsight.training.precision import Precision
from pawsight.training.warm_start import WarmStart

FLOAT32 = Precision("float32", "for a test")


class Catalog:
    """500 photos to train on, 60 to validate on, 40 to test on."""

    class_names = ("cats", "dogs")
    task = SimpleNamespace(counts=lambda labels, num_classes: np.array([250, 250]))

    def part(self, name):
        return np.arange({"train": 500, "validation": 60, "test": 40}[name])

    def labels(self, indices):
        return indices % 2


DATASET = SimpleNamespace(catalog=Catalog(), pixels=None)


class Clocks:
    """Building takes 8 s by the clock and `busy` s of the processor."""

    def __init__(self, busy):
        self.times, self.busy = iter((100.0, 108.0)), iter((10.0, 10.0 + busy))

    def monotonic(self):
        return next(self.times)

    def process_time(self):
        return next(self.busy)


@pytest.fixture
def begin(monkeypatch, recorded):
    """Decide the plan of a run; returns it and what was charged to its budget."""
    charged = []

    def build(plan, dataset, warm_start, components):
        model = SimpleNamespace(count_params=lambda: 1000)
        return SimpleNamespace(model=model, batch_size=plan.batch_size)

    def fit_to_budget(plan, config, learner, costs, progress):
        charged.append(costs)
        return plan.model_copy(update={"num_steps": 77})

    def run(config, warm_start=None, components=None, busy=4.0, fitting=None):
        monkeypatch.setattr(session, "time", Clocks(busy))
        monkeypatch.setattr(
            session,
            "fitting_batch_size",
            lambda model, plan, per_photo, is_chosen: fitting or plan.batch_size,
        )
        plan, learner = session._begin(config, DATASET, "budget", recorded, warm_start, components)
        assert learner.batch_size == plan.batch_size
        return plan, charged

    monkeypatch.setattr(session, "_build", build)
    monkeypatch.setattr(session, "fit_to_budget", fit_to_budget)
    monkeypatch.setattr(session, "photo_bytes", lambda model, plan: 2e6)
    monkeypatch.setattr(session, "check_convertible", lambda model: None)
    return run


def swift(**settings):
    return TrainConfig(**({"model": "swift", "precision": "float32"} | settings))


@pytest.mark.parametrize(
    ("busy", "seconds"),
    [
        (4.0, 20.0),  # the machine gives this process half of its time: 10 s become 20
        (8.0, 10.0),
        (16.0, 10.0),  # never less
        (1.0, 30.0),  # at most three times as long
    ],
)
def test_the_end_of_a_run_is_charged_by_how_busy_the_machine_is(begin, busy, seconds):
    plan, (costs,) = begin(swift(minutes=5), busy=busy)
    assert plan.num_steps == 77
    assert costs.finish_seconds == pytest.approx(seconds)
    assert costs.budget == "budget"
    # 60 and 40 photos twice for the mirror images, and 60 twice to compare the two.
    assert (costs.num_evaluated, costs.slowdown, costs.speedup) == (320, 1.3, 1.0)


def test_workers_divide_the_batch_and_take_time_to_start(begin):
    workers = SimpleNamespace(count=7, speedup=5.0)
    plan, (costs,) = begin(swift(minutes=5), components=CustomComponents(workers=workers), busy=8.0)
    assert plan.batch_size == 49  # 48 are planned for 500 photos; the next that 7 share equally
    assert (costs.finish_seconds, costs.speedup) == (pytest.approx(10.0 + 15.0), 5.0)


def test_a_warm_start_brings_its_own_costs_and_facts(begin):
    start = WarmStart(
        None, None, FLOAT32, 3.0, "key", 0.03, 480, error=0.04, second_seconds=90.0,
        evaluation_slowdown=2.5,
    )  # fmt: skip
    plan, (costs,) = begin(swift(minutes=5), warm_start=start, busy=8.0)
    assert (costs.finish_seconds, costs.slowdown) == (pytest.approx(3.0), 2.5)
    assert (plan.weights, plan.head_strength, plan.num_head_photos) == ("key", 0.03, 480)
    assert plan.second_seconds == 90.0
    assert plan.label_smoothing == 0.04  # no more than the weights get wrong
    assert plan.precision_reason == "for a test"


def test_a_run_of_given_epochs_has_no_budget(begin, recorded):
    plan, charged = begin(swift(epochs=2))
    assert charged == []
    assert (plan.num_steps, plan.batch_size) == (21, 48)  # 1,000 photos in batches of 48
    assert (plan.num_parameters, plan.weights, plan.label_smoothing) == (1000, None, 0.1)
    assert plan.versions["pawsight"] and plan.hardware
    # 900 MB, 8 copies of 1,000 numbers of 4 bytes, and 48 photos of 2 MB.
    assert recorded.notes == ["Training needs about 1.0 GB of memory."]


def test_smaller_batches_that_the_memory_allows_are_noted(begin, recorded):
    plan, _ = begin(swift(epochs=2), fitting=12)
    assert (plan.batch_size, plan.num_steps) == (12, 84)
    assert recorded.notes[0] == "Batches of 12, not 48: more exceed the memory."


def test_a_run_continues_only_with_what_it_began_with(plan_of, tmp_path):
    run = Run(tmp_path)
    start = WarmStart(None, None, FLOAT32, 3.0, "key")
    save_plan(run, plan_of(weights="another"))
    with pytest.raises(RunError, match=r"(?s)weights that .* began with have changed since"):
        session._saved_plan(run, start, None)
    assert session._saved_plan(run, None, None) == load_plan(run)
    save_plan(run, plan_of(weights="key"))
    assert session._saved_plan(run, start, None).weights == "key"
    save_plan(run, plan_of(optimizer="own"))
    for components in (None, CustomComponents()):
        with pytest.raises(RunError, match="began with your own optimizer"):
            session._saved_plan(run, None, components)
    components = CustomComponents(optimizer="any")
    assert session._saved_plan(run, None, components).optimizer == "own"


def test_label_smoothing_is_no_more_than_the_share_of_errors(plan_of):
    plan = plan_of(label_smoothing=0.1)
    assert session.smoothed_at_most(plan, 0.03).label_smoothing == 0.03
    assert session.smoothed_at_most(plan, 0.3) == plan


def test_the_number_format_is_the_one_of_the_settings(monkeypatch):
    assert session.precision_of(swift()) == Precision("float32", "as set")
    monkeypatch.setattr(session, "find_network", lambda name: SimpleNamespace(keeps_keras=True))
    own = session.precision_of(swift(precision="bfloat16"))
    assert own == Precision("float32", "as your own network computes")
