"""How many photos a linear head is fitted to before fine-tuning."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from pawsight.config import TrainConfig
from pawsight.errors import StoppedError
from pawsight.runs import Run
from pawsight.task import SINGLE_LABEL
from pawsight.training import head_photos, transfer
from pawsight.training.head_photos import FIRST, num_affordable
from pawsight.training.learner import Learner
from pawsight.training.plan import load_plan, save_plan
from pawsight.workflow import resume, train

pytestmark = pytest.mark.usefixtures("undrawn")


def _dataset(num_train, num_evaluated=100):
    parts = {"train": num_train, "validation": num_evaluated - 28, "test": 28}
    catalog = SimpleNamespace(part=lambda name: np.arange(parts[name]))
    return SimpleNamespace(
        catalog=catalog, pixels=SimpleNamespace(read=lambda indices: np.zeros((len(indices), 1)))
    )


@pytest.fixture
def reader(monkeypatch):
    """A reader that takes 1/64 of a second for a photo."""
    clock = [0.0]
    monkeypatch.setattr(head_photos.time, "perf_counter", lambda: clock[0])

    def compute(images):
        clock[0] += len(images) / 64
        return images

    return SimpleNamespace(compute=compute)


def _budget(seconds):
    return SimpleNamespace(left_seconds=seconds)


@pytest.mark.parametrize("num_train", [3, FIRST])
def test_few_photos_are_all_taken_at_first(reader, num_train):
    assert num_affordable(_dataset(num_train), reader, 0.99, _budget(600)) == FIRST


def test_a_head_that_gets_many_wrong_leaves_the_time_to_fine_tuning(reader):
    assert num_affordable(_dataset(50_000), reader, 0.949, _budget(math.inf)) == FIRST


def test_without_a_limit_all_photos_are_taken(reader):
    assert num_affordable(_dataset(50_000), reader, 0.95, _budget(math.inf)) == 50_000


def test_within_a_budget_as_many_as_its_rest_allows(reader):
    # 115 s, less 19 for the end and 128 / 64 = 2 for evaluation: 85 % of 94 s at 64 a second.
    dataset = _dataset(50_000, num_evaluated=128)
    assert num_affordable(dataset, reader, 0.97, _budget(115)) == FIRST + int(0.85 * 94 * 64)
    assert num_affordable(dataset, reader, 0.97, _budget(10_000)) == 50_000


def test_no_time_left_takes_none_away(reader):
    assert num_affordable(_dataset(50_000), reader, 0.97, _budget(5)) == FIRST


@pytest.mark.slow
def test_a_run_whose_head_was_fitted_again_is_resumed_with_as_many_photos(
    fine_tuned, tmp_path, monkeypatch, recorded
):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(head_photos, "FIRST", 20)
    monkeypatch.setattr(head_photos, "_MIN_ACCURACY", 0.0)
    monkeypatch.setattr(Learner, "train_step", stop)
    config = TrainConfig(image_size=(32, 32), epochs=1)
    with pytest.raises(StoppedError):
        train(fine_tuned / "pets", config, tmp_path / "run", recorded)
    plan = load_plan(Run.open(tmp_path / "run"))
    assert plan.num_head_photos == plan.num_train > 20
    assert any(f"fitting a head to {plan.num_train} photos" in note for note in recorded.notes)
    counts = []
    monkeypatch.setattr(transfer, "_extract", lambda *args: counts.append(len(args[2])) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        resume(tmp_path / "run")
    assert counts == [plan.num_train]


@pytest.fixture
def fit(monkeypatch, recorded, tmp_path):
    """Fit a head as a run begins, where so many photos are affordable; returns the numbers of
    photos that heads were fitted to, and which head was taken."""

    def run(affordable=FIRST, name="builtin", finetune="auto"):
        heads = []

        def fit_one(run, config, dataset, reader, num_photos, progress):
            heads.append(num_photos)
            score = SimpleNamespace(accuracy=0.96)
            return SimpleNamespace(
                number=len(heads),
                train=SimpleNamespace(indices=range(num_photos)),
                validation=None,
                score=lambda part: score,
            )

        monkeypatch.setattr(transfer, "_fit", fit_one)
        monkeypatch.setattr(head_photos, "num_affordable", lambda *given: affordable)
        dataset = _dataset(9000)
        dataset.catalog.task = SINGLE_LABEL
        reader = SimpleNamespace(backbone=SimpleNamespace(name=name))
        config = TrainConfig(finetune=finetune)
        taken = transfer._fitted(Run(tmp_path), config, dataset, reader, None, recorded)
        return heads, taken.number

    return run


def test_a_head_is_fitted_again_where_there_is_time_for_more_photos(fit, recorded):
    assert fit() == ([FIRST], 1)
    assert recorded.notes == []
    assert fit(FIRST + 1) == ([FIRST, FIRST + 1], 2)
    assert recorded.notes == [
        "A head fitted to 2,000 photos reaches accuracy 96.0 % in validation; fitting a head to "
        "2,001 photos before fine-tuning."
    ]


def test_without_fine_tuning_of_the_shipped_network_all_photos_are_taken(fit):
    assert fit(finetune=False) == fit(name="mobilenetv2") == ([9000], 1)


@pytest.mark.parametrize(("planned", "count"), [(77, 77), (None, FIRST)])
def test_a_resumed_run_fits_its_head_to_as_many_photos(fit, plan_of, tmp_path, planned, count):
    save_plan(Run(tmp_path), plan_of(9, num_head_photos=planned))
    assert fit(5000) == ([count], 1)
