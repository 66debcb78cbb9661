"""A run grows: more photos, other classes, more minutes, from a run or a model's file."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from pawsight.config import SplitConfig, TrainConfig
from pawsight.errors import ConfigError, DataError, ModelError, RunError, StoppedError
from pawsight.history import best_epoch, load_history
from pawsight.inference.classifier import Classifier
from pawsight.models.carried_weights import carry_over
from pawsight.models.model_files import load_model
from pawsight.models.registry import build_model
from pawsight.runs import Run
from pawsight.training.learner import Learner
from pawsight.training.trainer import Trainer
from pawsight.workflow import draw_sample, export, resume, train

pytestmark = pytest.mark.usefixtures("undrawn", "small_swift")

HEAD = TrainConfig(model="builtin", image_size=(48, 48))
SWIFT = TrainConfig(model="swift", image_size=(32, 32), epochs=1, precision="float32")
GROW = TrainConfig(epochs=1, precision="float32")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Sixty drawn cats and dogs: 0.jpg ... of each class."""
    return draw_sample(tmp_path_factory.mktemp("photos") / "all", count=60)


def _chosen(drawn, folder, **counts):
    """Copy the first photos of the classes; a class "eels" has the last cats."""
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        paths = sorted((drawn / ("cats" if name == "eels" else name)).iterdir())
        for path in paths[-count:] if name == "eels" else paths[:count]:
            shutil.copy(path, folder / name)
    return folder


@pytest.fixture(scope="module")
def fewer(drawn, tmp_path_factory):
    return _chosen(drawn, tmp_path_factory.mktemp("fewer") / "pets", cats=20, dogs=20)


@pytest.fixture(scope="module")
def head_run(fewer, tmp_path_factory):
    return train(fewer, HEAD, tmp_path_factory.mktemp("runs") / "head")


@pytest.fixture(scope="module")
def swift_run(fewer, small_swift, tmp_path_factory):
    return train(fewer, SWIFT, tmp_path_factory.mktemp("runs") / "swift")


def _parts(run):
    with run.catalog_path.open(newline="") as file:
        return {row["sha256"]: row["part"] for row in csv.DictReader(file)}


def _logits(run, images=None):
    if images is None:
        images = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 3), dtype=np.uint8)
    return Classifier.load(run).logits(images)


def test_photos_keep_their_parts_and_what_was_understood_is_printed(
    drawn, head_run, tmp_path, recorded
):
    more = _chosen(drawn, tmp_path / "more", cats=25, dogs=20, eels=5)
    grown = train(more, out=tmp_path / "run", start_from=head_run.path, progress=recorded)
    before, after = _parts(head_run), _parts(grown)
    assert len(before) == 40 and len(after) == 50
    assert all(after[sha256] == part for sha256, part in before.items())
    assert (
        f"Starts from {head_run.path}: 2 classes kept, 1 new; 40 photos keep their part, 10 new."
        in recorded.notes
    )
    assert any("features come from the cache" in note for note in recorded.notes)
    settings = grown.load_config().settings
    assert (settings.model, settings.image_size) == ("builtin", (48, 48))
    assert settings.start_from == str(head_run.path)


def test_a_grown_head_is_that_of_a_run_from_scratch_on_the_same_photos_and_parts(
    drawn, head_run, tmp_path
):
    more = _chosen(drawn, tmp_path / "more", cats=25, dogs=22)
    grown = train(more, out=tmp_path / "grown", start_from=head_run.path)
    split = SplitConfig(keep=str(grown.path))
    scratch = train(more, HEAD.model_copy(update={"split": split}), tmp_path / "scratch")
    assert _parts(grown) == _parts(scratch)
    assert grown.onnx_path.read_bytes() == scratch.onnx_path.read_bytes()


def test_a_photo_that_was_trained_on_is_never_tested_on_whatever_its_folder(
    fewer, head_run, tmp_path, recorded
):
    before = _by_path(head_run)
    for number, path in enumerate(sorted(before)):
        part = "test" if number % 3 == 0 else "train"
        place = tmp_path / "divided" / part / path
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(fewer / path, place)
    grown = train(
        tmp_path / "divided", out=tmp_path / "run", start_from=head_run.path, progress=recorded
    )
    found = {path.split("/", 1)[1]: part for path, part in _by_path(grown).items()}
    assert {path: found[path] for path in before} == before
    assert any("so that no test photo is trained on" in note for note in recorded.notes)


def _by_path(run):
    with run.catalog_path.open(newline="") as file:
        return {row["path"]: row["part"] for row in csv.DictReader(file)}


def test_photos_that_were_left_out_for_a_while_keep_their_parts(
    drawn, fewer, head_run, tmp_path, recorded
):
    half = _chosen(drawn, tmp_path / "half", cats=10, dogs=20)
    smaller = train(half, out=tmp_path / "smaller", start_from=head_run.path)
    assert smaller.earlier_path.is_file()
    again = train(fewer, out=tmp_path / "again", start_from=smaller.path, progress=recorded)
    assert _parts(again) == _parts(head_run)
    assert any("40 photos keep their part, 0 new" in note for note in recorded.notes)


def test_a_network_trained_in_steps_starts_from_the_weights(fewer, swift_run, tmp_path, recorded):
    grown = train(fewer, GROW, tmp_path / "run", recorded, start_from=str(swift_run.path))
    first = load_history(grown.history_path)[0]
    assert first.step == 0
    # The same weights on the same validation photos at the same size: what that run ended with.
    accuracy = swift_run.metrics["parts"]["validation"]["accuracy"]
    assert first.validation_accuracy == pytest.approx(accuracy)
    assert grown.load_config().settings.model == "swift"
    assert "the model that training started from" in grown.report_path.read_text() or (
        grown.read_json(grown.plan_path)["weights"].startswith("start-")
    )


@pytest.mark.parametrize("name", ["swift", "colab", "builtin"])
def test_classes_that_stay_keep_their_logits_and_others_are_new(name):
    earlier = build_model(name, 3, (32, 32))
    for one in earlier.weights:  # or some would be 0, where nothing shows
        if "variance" not in one.path and name != "builtin":
            one.assign(one + 0.05)
    model = build_model(name, 3, (32, 32))
    fresh = model.get_layer("logits").get_weights()
    carry_over(earlier, ("a", "b", "c"), model, ("a", "c", "d"))
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    old, new = np.asarray(earlier(images)), np.asarray(model(images))
    np.testing.assert_allclose(new[:, :2], old[:, [0, 2]], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(model.get_layer("logits").get_weights()[0][:, 2], fresh[0][:, 2])


def test_one_logit_of_two_classes_becomes_a_column_of_three_and_back():
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    two, three, back = (build_model("colab", count, (32, 32)) for count in (2, 3, 2))
    carry_over(two, ("a", "b"), three, ("a", "b", "c"))
    logit, logits = np.asarray(two(images)), np.asarray(three(images))
    np.testing.assert_allclose(logits[:, 1:2] - logits[:, :1], logit, rtol=1e-5, atol=1e-5)
    carry_over(three, ("a", "b", "c"), back, ("b", "a"))
    np.testing.assert_allclose(np.asarray(back(images)), -logit, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_a_stopped_grown_run_ends_with_the_same_bits(drawn, run, tmp_path, monkeypatch):
    more = _chosen(drawn, tmp_path / "more", cats=25, dogs=20, eels=5)
    config = GROW.model_copy(update={"epochs": 2, "start_from": str(run.path)})
    whole = train(more, config, tmp_path / "whole")
    loop = Trainer._end_epoch

    def stop(self, step, run, progress):
        loop(self, step, run, progress)
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "_end_epoch", stop)
    with pytest.raises(StoppedError):
        train(more, config, tmp_path / "stopped")
    monkeypatch.setattr(Trainer, "_end_epoch", loop)
    resumed = resume(tmp_path / "stopped")
    for one, other in zip(
        load_model(whole).get_weights(), load_model(resumed).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert Classifier.load(whole).class_names == ("cats", "dogs", "eels")


@pytest.mark.slow
def test_a_fine_tuned_network_is_fine_tuned_further(fine_tuned, tmp_path, monkeypatch):
    first = Run(fine_tuned / "run")
    more = _chosen(fine_tuned / "pets", tmp_path / "more", cats=20, dogs=20, eels=5)
    grown = train(more, GROW, tmp_path / "grown", start_from=first.path)
    plan = grown.read_json(grown.plan_path)
    assert plan["kind"] == "steps" and plan["weights"].startswith("start-")
    error = 1 - best_epoch(load_history(first.history_path)).validation_accuracy
    assert plan["label_smoothing"] == pytest.approx(min(0.1, error))
    assert grown.load_config().settings.finetune
    assert load_model(grown).output_shape == (None, 3)
    alone = shutil.copy(first.onnx_path, tmp_path)
    shutil.copy(first.model_path, tmp_path)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Learner, "train_step", stop)  # how it begins is what counts
    with pytest.raises(StoppedError):
        train(fine_tuned / "pets", GROW, tmp_path / "once more", start_from=alone)
    history = load_history(tmp_path / "once more" / "history.csv")
    row, accuracy = history[0], first.metrics["parts"]["validation"]
    assert row.validation_accuracy == pytest.approx(accuracy["accuracy"])


@pytest.mark.slow
@pytest.mark.parametrize("what", ["model folder", "weights", "keras", "copied export"])
def test_files_of_a_model_are_started_from(what, photos, run, tmp_path, recorded):
    source, run = run, Run(shutil.copytree(run.path, tmp_path / "source"))
    if what == "model folder":
        start = shutil.copytree(run.path / "model", tmp_path / "alone")
    elif what == "weights":
        start = run.weights_path
    else:
        export(run, "keras")
        start = run.export_dir("keras") / "model.keras"
        if what == "copied export":
            start = shutil.copytree(start.parent, tmp_path / "copied") / start.name
    grown = train(photos, GROW, tmp_path / "run", recorded, start_from=start)
    accuracy = source.metrics["parts"]["validation"]["accuracy"]
    if what in ("weights", "keras"):  # in the run folder: its parts are known
        assert _parts(grown) == _parts(source)
        assert load_history(grown.history_path)[0].validation_accuracy == pytest.approx(accuracy)
    else:
        assert any("are not known" in note for note in recorded.notes)
    assert grown.is_complete


def test_mistakes_are_named_before_photos_are_read(fewer, swift_run, tmp_path):
    start = {"start_from": swift_run.path, "out": tmp_path / "run"}
    with pytest.raises(ConfigError, match=r"is a model 'swift'.*\n.*Leave --model out"):
        train(fewer, **start, model="colab")
    with pytest.raises(ConfigError, match="both choose the initial weights"):
        train(fewer, **start, weights="a.h5")
    with pytest.raises(ConfigError, match=r"no .*gone to start from"):
        train(fewer, start_from=tmp_path / "gone")
    with pytest.raises(ConfigError, match="leave start_from out"):
        train(fewer, start_from=swift_run.path, split=SplitConfig(folds=2))
    with pytest.raises(ConfigError, match="no weights in"):
        shutil.copytree(swift_run.path / "model", tmp_path / "bare")
        for name in ("model.weights.h5", "model.onnx"):
            (tmp_path / "bare" / name).unlink()
        train(fewer, start_from=tmp_path / "bare")
    with pytest.raises(ConfigError, match=r"no model\.json beside"):
        train(fewer, start_from=shutil.copy(swift_run.weights_path, tmp_path))
    unfinished = shutil.copytree(swift_run.path, tmp_path / "unfinished")
    (unfinished / "state.json").write_text('{"stage": "training"}')
    with pytest.raises(RunError, match=r"not finished.*\n.*pawsight resume"):
        train(fewer, start_from=unfinished)
    assert not (tmp_path / "run").exists()


def test_weights_of_which_normalisation_is_folded_away_are_refused(fewer, swift_run, tmp_path):
    shutil.copy(swift_run.onnx_path, tmp_path)
    shutil.copy(swift_run.model_path, tmp_path)
    with pytest.raises(ModelError, match=r"folded.*\n.*Give the run folder"):
        train(fewer, GROW, tmp_path / "run", start_from=tmp_path / "model.onnx")


def test_a_network_of_one_size_keeps_it(fewer, run, tmp_path):
    with pytest.raises(ConfigError, match="takes images of 32x32 pixels"):
        train(fewer, start_from=run.path, image_size=48)


def test_photos_of_other_classes_alone_are_refused(drawn, swift_run, tmp_path):
    other = tmp_path / "other"
    for name, source in (("eels", "cats"), ("frogs", "dogs")):
        shutil.copytree(drawn / source, other / name)
    with pytest.raises(DataError, match="None of the classes"):
        train(other, start_from=swift_run.path)


def test_other_ways_to_name_a_run_point_to_start_from(fewer, swift_run, head_run, recorded):
    resume(swift_run.path, recorded)
    assert any("--start-from" in note for note in recorded.notes)
    with pytest.raises(ConfigError, match="--start-from"):
        train(fewer, model=str(swift_run.path))
    for path in (swift_run.weights_path, swift_run.path):
        with pytest.raises(ConfigError, match="--start-from"):
            train(fewer, model="mobilenetv2", weights=str(path))


def test_no_photo_in_common_is_no_error(drawn, head_run, tmp_path, recorded):
    folder = tmp_path / "new"
    for name in ("cats", "dogs"):
        (folder / name).mkdir(parents=True)
        for path in sorted((drawn / name).iterdir())[20:30]:
            shutil.copy(path, folder / name)
    train(folder, out=tmp_path / "run", start_from=Path(head_run.path), progress=recorded)
    assert any("0 photos keep their part, 20 new" in note for note in recorded.notes)
