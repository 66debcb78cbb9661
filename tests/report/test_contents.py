"""What a run folder holds for its report, and what follows from it."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from pawsight.report import contents
from pawsight.report.contents import Contents
from pawsight.runs import Run
from pawsight.storage.atomic import write_json
from pawsight.task import SINGLE_LABEL


def empty(path, **fields):
    values = dict.fromkeys(Contents.__dataclass_fields__)
    values |= {"run": Run(path), "config": {}, "history": [], "task": SINGLE_LABEL}
    return Contents(**(values | fields))


def test_a_folder_without_records_is_empty_and_has_its_own_name(tmp_path):
    found = Contents.load(Run(tmp_path / "my run"))
    assert (found.plan, found.model, found.catalog, found.evaluation) == (None,) * 4
    assert (found.history, found.shortcuts, found.num_network_photos) == ([], [], 0)
    assert (found.part, found.metrics, found.curve_metrics, found.forecast) == (None,) * 4
    assert (found.lost, found.is_head, found.name) == ((), False, "my run")
    assert found.root == Path()


def test_photos_are_called_by_their_name_else_by_their_source(tmp_path):
    assert empty(tmp_path, config={"name": "pets", "source": "/a/b"}).name == "pets"
    assert empty(tmp_path, config={"source": "/a/b"}).name == "b"
    assert empty(tmp_path, config={"root": "/a"}).root == Path("/a")


def test_several_labels_are_planned_by_the_settings(tmp_path):
    run = Run(tmp_path)
    for several in (True, False):
        write_json(run.config_path, {"settings": {"source": {"multi_label": several}}})
        assert Contents.load(run).task.is_multi_label is several


def evaluated(interval=(0.8, 0.9)):
    metrics = SimpleNamespace(
        intervals={"accuracy": interval} if interval else {},
        per_class={"cats": SimpleNamespace(recall_interval=(0.7, 0.9))},
    )
    return SimpleNamespace(
        main=metrics, headline="test", lost=("a",), parts={"validation": "of validation"}
    )


class Curve(SimpleNamespace):
    """A curve that agrees with intervals up to 0.9."""

    def agrees_with(self, interval):
        return interval[1] <= 0.9

    def only_classes_of(self, recalls):
        return recalls


def test_the_headline_is_that_of_the_evaluation(tmp_path):
    evaluation = evaluated()
    found = empty(tmp_path, evaluation=evaluation)
    assert (found.part, found.metrics, found.lost) == ("test", evaluation.main, ("a",))
    assert found.curve_metrics is evaluation.main
    own = replace(found, learning_curve=Curve(part="validation"))
    assert own.curve_metrics == "of validation"
    assert replace(found, learning_curve=Curve(part="train")).curve_metrics is None
    assert replace(found, learning_curve=Curve(part=None)).curve_metrics is evaluation.main


@pytest.mark.parametrize(
    ("interval", "is_certain", "has_forecast"),
    [
        ((0.8, 0.9), True, True),
        (None, True, True),
        ((0.8, 0.95), True, False),  # the model is not what the curve expects
        ((0.8, 0.9), False, False),
    ],
)
def test_a_forecast_is_shown_where_it_is_certain_and_fits(
    tmp_path, interval, is_certain, has_forecast
):
    curve = Curve(part=None, is_certain=is_certain)
    found = empty(tmp_path, evaluation=evaluated(interval), learning_curve=curve)
    assert found.forecast == ({"cats": (0.7, 0.9)} if has_forecast else None)


@pytest.mark.parametrize(("count", "shown"), [(0, 0), (1, 0), (2, 2), (5, 5)])
def test_photos_that_the_network_was_made_with_count_from_a_hundredth_on(monkeypatch, count, shown):
    monkeypatch.setattr(contents, "network_photos", lambda catalog, part: range(count))
    catalog = SimpleNamespace(part=lambda part: range(200))
    plan = SimpleNamespace(model="builtin")
    assert contents._num_network_photos(catalog, plan, evaluated()) == shown
    for missing in ((None, plan, evaluated()), (catalog, None, evaluated()), (catalog, plan, None)):
        assert contents._num_network_photos(*missing) == 0
    other = SimpleNamespace(model="swift")
    assert contents._num_network_photos(catalog, other, evaluated()) == 0
