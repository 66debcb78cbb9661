"""What a source means is chosen in one config, for training, auditing, feeding and evaluating."""

import json
import shutil

import numpy as np
import pytest

from pawsight.config import SourceConfig, TrainConfig
from pawsight.errors import ConfigError
from pawsight.workflow import audit, evaluate, feed, resume, train


@pytest.fixture
def mixed(photos, tmp_path):
    """The photos, with a folder of doubtful ones and the recycle bin of a NAS."""
    root = tmp_path / "mixed"
    shutil.copytree(photos, root)
    for name in ("to check", "#recycle/cats"):
        shutil.copytree(photos / "cats", root / name)
    return root


CHOSEN = SourceConfig(exclude=("to check",), merge={"kittens": ("cats",)})


@pytest.mark.slow
def test_a_run_keeps_what_was_chosen(mixed, tmp_path):
    run = train(mixed, TrainConfig(model="builtin"), tmp_path / "run", source_config=CHOSEN)
    assert run.read_json(run.config_path)["settings"]["source"]["exclude"] == ["to check"]
    again = resume(run.path)
    assert again.is_complete
    state = run.state_path.read_bytes()
    run.state_path.write_text(json.dumps({"stage": "training"}))
    resume(run.path)  # reads the photos again: other folders or names would be an error
    assert json.loads(run.state_path.read_bytes())["stage"] == json.loads(state)["stage"]
    assert run.read_json(run.model_path)["class_names"] == ["dogs", "kittens"]
    found = evaluate(run.path, mixed, source_config=CHOSEN)
    assert found["headline"] == "test"


def test_audit_and_feed_take_the_same_config(mixed):
    assert set(audit(mixed, source_config=CHOSEN)["classes"]) == {"dogs", "kittens"}
    dataset = feed(mixed, image_size=(16, 16), source_config=CHOSEN)
    labels = np.concatenate([labels.numpy() for _, labels in dataset])
    assert set(labels) == {0, 1}


@pytest.mark.parametrize(
    "values",
    [{"parts": "train"}, {"parts": {"exam": "a"}}, {"merge": "a="}, {"label_pattern": "("}],
)
def test_a_config_that_means_nothing_is_refused(values):
    with pytest.raises(ConfigError):
        SourceConfig(**values)
