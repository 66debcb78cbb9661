"""Runs on networks with weights, from drawn photos to the finished folder."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from pawsight.config import SplitConfig, TrainConfig
from pawsight.data.catalog import Catalog
from pawsight.errors import ConfigError, DataError, ModelError, StoppedError
from pawsight.history import load_history
from pawsight.inference.classifier import Classifier
from pawsight.models.model_files import load_model
from pawsight.records import Photo
from pawsight.runs import Run
from pawsight.training import transfer
from pawsight.training.features import FeatureReader, Features
from pawsight.training.head_photos import choose
from pawsight.workflow import cross_validate, draw_sample, resume, train

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return draw_sample(tmp_path_factory.mktemp("photos") / "pets", count=60)


CONFIG = TrainConfig(model="builtin", image_size=(48, 48))


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory):
    """A run on the shipped model; nothing may change it."""
    return train(photos, CONFIG, tmp_path_factory.mktemp("runs") / "run")


def _looked_at(run, progress=None):
    """The network and pixels that a run's photos have, as its classifier sees them."""
    classifier = Classifier.load(run)
    images = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 3), dtype=np.uint8)
    return classifier.logits(images), images


def test_the_run_is_complete_and_reports_how_the_strength_was_chosen(run):
    assert run.is_complete
    plan = run.read_json(run.plan_path)
    tried = plan["head"]["cross_validation"]
    best = min(tried, key=lambda one: one["log_loss"])
    assert plan["head"]["strength"] == best["strength"]
    assert plan["model"] == run.read_json(run.model_path)["architecture"] == "builtin"
    assert run.report_path.is_file()


def test_drawn_cats_and_dogs_are_distinguished(run):
    # 9 photos: guessing is right on 5 of 9, or fewer.
    assert run.metrics["parts"]["validation"]["accuracy"] > 0.7
    (row,) = load_history(run.history_path)
    assert row.is_best and row.validation_accuracy > 0.7
    assert 0 < row.seconds < 1000


def test_the_keras_model_is_the_onnx_file(run):
    logits, images = _looked_at(run)
    model = load_model(run)
    np.testing.assert_allclose(model(images.astype(np.float32)), logits, atol=2e-3)


def test_a_second_run_looks_at_no_photo_again(photos, run, tmp_path, monkeypatch, recorded):
    def never(*_):
        raise AssertionError("a photo was looked at again")

    monkeypatch.setattr(FeatureReader, "compute", never)
    with pytest.raises(AssertionError, match="looked at again"):  # the check of the exported file
        train(photos, CONFIG, tmp_path / "run", recorded)
    # Of 43 photos to train on, and their mirror images, and of 8 to validate on.
    assert "94 features come from the cache." in recorded.notes
    assert not any("have no effect" in note for note in recorded.notes)


def test_the_same_photos_and_seed_give_the_same_model(photos, run, tmp_path):
    again = train(photos, CONFIG, tmp_path / "run")
    np.testing.assert_array_equal(_looked_at(again)[0], _looked_at(run)[0])


def test_a_run_that_was_stopped_continues_and_ends_with_the_same_model(
    photos, run, tmp_path, monkeypatch
):
    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    compute = FeatureReader.compute

    def stop(self, images):
        raise KeyboardInterrupt

    monkeypatch.setattr(FeatureReader, "compute", stop)
    with pytest.raises(StoppedError, match="pawsight resume"):
        train(photos, CONFIG, tmp_path / "run")
    monkeypatch.setattr(FeatureReader, "compute", compute)
    assert resume(tmp_path / "run").is_complete
    np.testing.assert_array_equal(_looked_at(Run.open(tmp_path / "run"))[0], _looked_at(run)[0])


def test_three_classes_of_six_photos_are_enough(photos, tmp_path):
    for name, source in (("a", "cats"), ("b", "dogs"), ("c", "cats")):
        (tmp_path / "three" / name).mkdir(parents=True)
        chosen = sorted((photos / source).iterdir())
        for path in chosen[:6] if name != "c" else chosen[6:12]:
            shutil.copy(path, tmp_path / "three" / name)
    done = train(tmp_path / "three", CONFIG, tmp_path / "run")
    assert Classifier.load(done).class_names == ("a", "b", "c")


def test_a_note_reports_that_minutes_do_not_apply(photos, tmp_path, recorded):
    train(photos, CONFIG.model_copy(update={"minutes": 1.0}), tmp_path / "run", recorded)
    assert any("--minutes and --epochs have no effect" in note for note in recorded.notes)


def test_folds_of_a_network_written_otherwise_are_gone_on_with(photos, tmp_path):
    split = SplitConfig(folds=2)
    config = TrainConfig(model="Built-In", image_size=(48, 48), split=split)
    first = cross_validate(photos, config, tmp_path / "folds")
    assert cross_validate(photos, config, tmp_path / "folds") == first


def test_weights_for_a_network_that_takes_none_are_refused_before_a_folder_is_made(
    photos, tmp_path
):
    (tmp_path / "a.h5").write_bytes(b"")
    config = TrainConfig(model="swift", weights=str(tmp_path / "a.h5"))
    with pytest.raises(ConfigError, match="takes no --weights"):
        train(photos, config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_missing_weights_file_is_named_before_photos_are_read(photos, tmp_path):
    config = TrainConfig(model="mobilenetv2", weights=str(tmp_path / "gone.h5"))
    with pytest.raises(ConfigError, match=r"no weights file .*gone\.h5"):
        train(photos, config, tmp_path / "run")


def test_offline_the_file_to_bring_is_named_and_the_run_can_continue(photos, tmp_path, monkeypatch):
    monkeypatch.setenv("PAWSIGHT_WEIGHTS_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    config = TrainConfig(model="mobilenetv2", image_size=(32, 32))
    with pytest.raises(ModelError, match=r"mobilenet_v2_weights.*no_top\.h5"):
        train(photos, config, tmp_path / "run")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_a_network_of_keras_is_given_the_weights_of_a_file(photos, tmp_path):
    keras.utils.set_random_seed(0)
    network = keras.applications.MobileNetV2((32, 32, 3), include_top=False, weights=None)
    images = keras.Input((32, 32, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(network(images))
    keras.Model(images, keras.layers.Dense(19)(pooled)).save(tmp_path / "breeds.h5")
    config = TrainConfig(model="MobileNet-V2", weights=str(tmp_path / "breeds.h5"))
    done = train(photos, config, tmp_path / "run")
    assert Classifier.load(done).image_size == (32, 32)  # that of the file
    kept = load_model(done)
    kernel = network.get_layer("block_5_expand").kernel
    backbone = next(one for one in kept.layers if isinstance(one, keras.Model))
    np.testing.assert_array_equal(backbone.get_layer("block_5_expand").kernel, kernel)
    drawn = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    np.testing.assert_allclose(
        kept(drawn.astype(np.float32)), Classifier.load(done).logits(drawn), atol=1e-3
    )
    # Its own features are not those of the detector, which are of the built-in network.
    assert all(one.ood_score > 0 for one in Classifier.load(done).predict(list(drawn)))


def test_a_head_to_start_from_is_fitted_to_a_like_share_of_each_class():
    labels = ["cats"] * 90 + ["dogs"] * 30 + ["eels"] * 1
    photos = tuple(Photo(f"{i}.jpg", label, "train") for i, label in enumerate(labels))
    catalog = Catalog("photos", Path("photos"), photos)
    assert len(choose(catalog, 121, 0)) == len(choose(catalog, 500, 0)) == 121
    chosen = choose(catalog, 40, 0)
    counts = np.bincount(catalog.labels(chosen)).tolist()
    assert counts == [30, 10, 1]  # 40 of 121, rounded
    assert np.bincount(catalog.labels(choose(catalog, 4, 0))).tolist() == [3, 2, 1]
    assert chosen.tolist() == sorted(set(chosen.tolist())) == choose(catalog, 40, 0).tolist()


@pytest.fixture
def extract(tmp_path, recorded):
    """Extract the features of six photos to train on and four to validate on, of which some are
    lost at the nth reading, and some come from the cache."""

    def run(is_mirrored, lost=(), num_known=0):
        validation, readings = np.arange(6, 10), []

        def read(catalog, pixels, indices, progress, is_mirrored):
            gone = lost[len(readings)] if len(readings) < len(lost) else ()
            there = np.array([i for i in indices.tolist() if i not in gone], np.int64)
            readings.append(is_mirrored)
            rows = np.stack([there, -there if is_mirrored else there], axis=1).astype(np.float32)
            return Features(there, rows, max(0, len(there) - num_known), 9.0)

        catalog = SimpleNamespace(part=lambda name: validation)
        dataset = SimpleNamespace(catalog=catalog, pixels=None)
        reader = SimpleNamespace(read=read)
        found = transfer._extract(
            reader, dataset, np.arange(6), is_mirrored, Run(tmp_path / "run"), recorded
        )
        assert readings == ([False, True, False] if is_mirrored else [False, False])
        return found

    return run


@pytest.mark.parametrize(
    ("is_mirrored", "num_known", "notes"),
    [
        (False, 0, []),
        (False, 1, ["2 features come from the cache."]),  # one of each part
        (True, 1, ["3 features come from the cache."]),
        (True, 6, ["16 features come from the cache."]),  # 6 + 6 + 4
    ],
)
def test_features_from_the_cache_are_counted(extract, recorded, is_mirrored, num_known, notes):
    train, mirrored, validation = extract(is_mirrored, num_known=num_known)
    assert (train.indices.tolist(), validation.indices.tolist()) == ([*range(6)], [6, 7, 8, 9])
    assert [rows[:, 1].tolist() for rows in mirrored] == [[0, -1, -2, -3, -4, -5]] * is_mirrored
    assert recorded.notes == notes


def test_a_photo_that_is_lost_between_two_readings_is_in_neither_view(extract):
    train, (mirrored,), _ = extract(True, lost=[{5}, {1, 3}])
    assert train.indices.tolist() == train.rows[:, 0].tolist() == [0, 2, 4]
    assert mirrored[:, 1].tolist() == [0, -2, -4]


def test_a_head_is_fitted_to_half_of_the_photos_and_no_fewer(extract):
    assert len(extract(False, lost=[{0, 1, 2}, {7, 9}])[0].indices) == 3
    with pytest.raises(DataError, match=r"(?s)^4 of 6 train photos can no longer.*pawsight resume"):
        extract(False, lost=[{0, 1, 2, 5}])
    with pytest.raises(DataError, match=r"^3 of 4 validation photos can no longer be read"):
        extract(False, lost=[(), {6, 7, 8}])


@pytest.mark.parametrize(
    ("finetune", "name", "num_photos", "is_mirrored"),
    [
        ("auto", "builtin", 1000, True),
        ("auto", "builtin", 1001, False),
        (False, "builtin", 1001, True),
        (True, "mobilenetv2", 1001, True),
    ],
)
def test_mirror_images_of_many_photos_are_left_out_where_fine_tuning_follows(
    monkeypatch, finetune, name, num_photos, is_mirrored
):
    asked = []
    monkeypatch.setattr(transfer, "_extract", lambda *given: asked.append(given[3]) or 1 / 0)
    photos = tuple(Photo(f"{i:04}.jpg", "cats", "train") for i in range(num_photos))
    dataset = SimpleNamespace(catalog=Catalog("photos", Path("photos"), photos))
    reader = SimpleNamespace(backbone=SimpleNamespace(name=name))
    config = TrainConfig(finetune=finetune)
    with pytest.raises(ZeroDivisionError):
        transfer._fit(None, config, dataset, reader, num_photos, None)
    assert asked == [is_mirrored]
