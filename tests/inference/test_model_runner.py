"""What is made of a model's outputs, and of its errors, and where a model comes from."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from pawsight.errors import RunError
from pawsight.inference import model_runner
from pawsight.inference.model_runner import ModelRunner
from pawsight.inference.provenance import provenance
from pawsight.inference.run_timeout import RunTimeoutError
from pawsight.models import builtin
from pawsight.models.description import ModelDescription
from pawsight.runs import Run
from pawsight.storage.atomic import write_json

IMAGES = np.full((2, 8, 8, 3), 51, np.uint8)


@pytest.fixture
def runner(colour_run):
    return ModelRunner(colour_run, ModelDescription.load(colour_run), with_features=True)


def test_logits_are_those_of_the_model_and_features_where_it_has_them(runner):
    logits, features = runner.run(IMAGES)
    np.testing.assert_allclose(logits, np.full((2, 3), 4 * 51 / 255), rtol=1e-6)
    assert (logits.dtype, features) == (np.float32, None)


def test_a_buffer_is_used_again_while_images_fit_into_it(runner):
    first = runner.as_floats(IMAGES)
    assert first.dtype == np.float32 and (first == 51).all()
    assert runner.as_floats(IMAGES[:1]).base is first.base
    assert runner.as_floats(IMAGES[:1]).shape == (1, 8, 8, 3)
    more = runner.as_floats(np.concatenate([IMAGES, IMAGES]))
    assert more.shape == (4, 8, 8, 3) and more.base is not first.base
    assert runner.as_floats(np.zeros((1, 4, 8, 3), np.uint8)).shape == (1, 4, 8, 3)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RunTimeoutError(), r"took more than 80 seconds for 2 photos and was stopped"),
        (ValueError("Failed to allocate memory for x"), "not enough memory to run .* on 2 photos"),
        (ValueError("bad node\nand more"), r"failed on a photo \(bad node\): the model is damaged"),
    ],
)
def test_what_fails_is_named(runner, monkeypatch, error, message):
    def fail(limit, *_):
        assert limit == 60.0 + 10.0 * 2
        raise error

    monkeypatch.setattr(model_runner, "run_with_timeout", fail)
    with pytest.raises(RunError, match=message):
        runner.run(IMAGES)


@pytest.mark.parametrize(
    "logits", [np.zeros((1, 3)), np.zeros((2, 4)), np.array([[0, 0, 0], [0, np.inf, 0]])]
)
def test_what_is_no_logits_is_refused(runner, monkeypatch, logits):
    monkeypatch.setattr(model_runner, "run_with_timeout", lambda *_: [logits])
    with pytest.raises(RunError, match="did not return finite logits of 3 classes"):
        runner.run(IMAGES)


def test_features_are_wanted_only_on_request(colour_run, monkeypatch):
    outputs = [SimpleNamespace(name="logits"), SimpleNamespace(name="features")]
    session = SimpleNamespace(get_outputs=lambda: outputs)
    monkeypatch.setattr(model_runner, "open_session", lambda path, description: session)
    asked = []

    def run(limit, session, names, inputs):
        asked.append(list(names))
        return [np.zeros((2, 3)), "features"][: len(names)]

    monkeypatch.setattr(model_runner, "run_with_timeout", run)
    description = ModelDescription.load(colour_run).model_copy(update={"architecture": "builtin"})
    for with_features in (True, False):
        found = ModelRunner(colour_run, description, with_features).run(IMAGES)[1]
        assert found == ("features" if with_features else None)
    assert asked == [["logits", "features"], ["logits"]]


def test_a_model_comes_from_its_run_with_its_numbers(colour_run, caplog):
    found = provenance(colour_run)
    assert (found.name, found.metrics) == (colour_run.path.name, None)
    assert found.trained["architecture"] == "swift"
    parts = {"test": {"n": 3, "accuracy": 0.5, "title": "x", "bad": float("inf")}, "odd": [1]}
    colour_run.metrics_path.parent.mkdir(exist_ok=True)
    colour_run.metrics_path.write_text(json.dumps({"parts": parts}))
    assert provenance(colour_run).metrics == {"test": {"n": 3, "accuracy": 0.5}}
    for content in ({"parts": {}}, {"parts": [1]}, {}):
        write_json(colour_run.metrics_path, content)
        assert provenance(colour_run).metrics is None
    colour_run.metrics_path.write_text("{")
    assert provenance(colour_run).metrics is None
    assert caplog.records
    assert provenance(Run(builtin.folder())).name == "builtin"
