"""What a source means is chosen in one config, for training, auditing, feeding and evaluating."""

import csv
import json
import shutil

import numpy as np
import pytest

from pawsight.config import SourceConfig, TrainConfig
from pawsight.errors import ConfigError, DataError
from pawsight.progress import Silent
from pawsight.runs import Run
from pawsight.workflow import audit, evaluate, feed, resume, train, verify
from pawsight.workflow.photo_sets import list_photos
from pawsight.workflow.run_photos import photos_of

pytestmark = pytest.mark.usefixtures("undrawn")


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


def test_part_that_is_spelled_in_two_ways_has_the_folders_of_both():
    config = SourceConfig(parts="train=a,val=b,validation=c")
    assert config.parts == {"train": ("a",), "validation": ("b", "c")}


def test_a_folder_given_as_two_parts_is_refused():
    with pytest.raises(ConfigError, match="'a' is given as two parts"):
        SourceConfig(parts="train=a,test=a+b")


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


@pytest.fixture
def mislabelled(photos, tmp_path):
    """The photos with one cat among the dogs, and the table that corrects it."""
    folder = shutil.copytree(photos, tmp_path / "pets")
    cat = sorted((folder / "cats").glob("*.jpg"))[-1]
    cat.rename(folder / "dogs" / "really-a-cat.jpg")
    table = tmp_path / "corrections.csv"
    table.write_text("path,label\ndogs/really-a-cat.jpg,cats\n")
    return folder, table


def test_a_run_keeps_the_corrections_that_it_was_trained_with(mislabelled, tmp_path):
    folder, table = mislabelled
    config = TrainConfig(model="builtin", source=SourceConfig(labels=str(table)))
    run = train(folder, config, tmp_path / "run")
    assert "dogs/really-a-cat.jpg,cats," in run.split_path.read_text()
    assert run.labels_path.read_bytes() == table.read_bytes()
    table.unlink()  # the run does not need it any more
    (folder / "corrections.csv").write_text("path,label\ncats/0000.jpg,dogs\n")  # nor this one
    assert evaluate(run.path)["headline"] == "test"
    assert verify(run.path, folder).holds


def test_corrections_in_a_run_are_evaluated_beside_its_own_metrics(run, tmp_path, recorded):
    own = Run(shutil.copytree(run.path, tmp_path / "own"))
    metrics = own.metrics_path.read_bytes()
    with own.split_path.open(newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["part"] == "test")
    other = {"cats": "dogs", "dogs": "cats"}[row["label"]]
    own.corrections_path.write_text(f"path,label\n{row['path']},{other}\n")
    found = evaluate(own.path, progress=recorded)
    assert found["source"] == "corrected labels"
    assert f"1 label is corrected by {own.corrections_path}." in recorded.notes
    was = json.loads(metrics)["parts"]["test"]
    now = found["parts"]["test"]
    assert now["n"] == was["n"]
    assert abs(now["num_correct"] - was["num_correct"]) == 1
    assert own.metrics_path.read_bytes() == metrics
    again = evaluate(own.path, source_config=SourceConfig(labels="none"))
    assert again.get("source") is None


def test_a_run_keeps_its_folders_where_a_table_that_contradicts_them_came_since(
    run, photos, tmp_path
):
    shutil.copytree(photos, tmp_path / "pets")
    names = [f"{photo.parent.name}/{photo.name}" for photo in (tmp_path / "pets").glob("*/*.jpg")]
    lines = [f"{name},{'north' if i % 2 else 'south'}" for i, name in enumerate(sorted(names))]
    (tmp_path / "pets" / "labels.csv").write_text("\n".join(["path,label", *lines]))
    with pytest.raises(DataError, match="other classes than their folders"):
        list_photos(tmp_path / "pets", Silent())
    catalog, _ = photos_of(run, Silent(), tmp_path / "pets")
    assert catalog.class_names == ("cats", "dogs")
