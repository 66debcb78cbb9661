"""What a sort plans, without a photo: the model, the folders, and what is refused."""

from types import SimpleNamespace

import pytest

from pawsight.errors import ConfigError
from pawsight.task import MULTI_LABEL, SINGLE_LABEL
from pawsight.workflow import sorted_photos
from pawsight.workflow.sorted_photos import plan_sort


@pytest.fixture
def plan(monkeypatch, tmp_path):
    """Plan a sort of an empty folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()

    def run(task=SINGLE_LABEL, **options):
        monitor = SimpleNamespace(watch=lambda found: found, result=lambda: None)
        classifier = SimpleNamespace(
            class_names=("cats", "dogs"),
            task=task,
            drift_monitor=lambda: monitor,
            predict_iter=iter,  # the folder is a row with an error already
        )
        monkeypatch.setattr(sorted_photos, "load", lambda path: classifier)
        return plan_sort(
            *(options.pop("sources", "photos"), tmp_path / "sorted"), dry_run=True, **options
        )

    return run


def test_a_plan_names_the_model_by_its_path_or_the_one_that_ships(plan, tmp_path):
    found = plan()
    assert (found.model, found.how, len(found.placements)) == ("builtin", "copy", 1)
    assert found.sources == (str(tmp_path / "photos"),)
    assert plan(run_path="runs/first").model == str(tmp_path / "runs" / "first")
    assert plan(sources=["photos", "photos"]).sources == (str(tmp_path / "photos"),) * 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sure": -0.1}, "sure is a probability from 0 to 1, not -0.1"),
        ({"sure": 1.1}, "not 1.1"),
        ({"how": "burn"}, "how is one of copy, link, move, not burn"),
        ({"task": MULTI_LABEL}, "gives photos several labels"),
    ],
)
def test_what_cannot_be_sorted_is_refused(plan, options, message):
    with pytest.raises(ConfigError, match=message):
        plan(**options)


@pytest.mark.parametrize("sure", [0, 1, None])
def test_any_probability_may_be_the_least(plan, sure):
    assert [one.status for one in plan(sure=sure).placements] == ["failed"]
