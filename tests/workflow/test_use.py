import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest
from PIL import Image

import pawsight
from pawsight.config import AugmentConfig, SplitConfig
from pawsight.data.duplicates.near_duplicates import across_parts, find_duplicates
from pawsight.data.reading.ingest import ingest
from pawsight.errors import ConfigError, DataError
from pawsight.inference.out_of_distribution import OutOfDistributionDetector
from pawsight.workflow import finished_runs
from pawsight.workflow.photo_sets import divide


def test_a_run_evaluates_again_to_the_same_numbers(run):
    before = run.metrics
    assert pawsight.evaluate(run.path)["parts"] == before["parts"]


def test_a_detector_of_an_earlier_network_is_fitted_again(run, tmp_path, recorded, caplog):
    copy = pawsight.Run(shutil.copytree(run.path, tmp_path / "copy"))
    path = copy.out_of_distribution_path
    written, distances = path.read_bytes(), copy.drift_reference_path.read_bytes()
    replace(OutOfDistributionDetector.load(path), network="", threshold=0.5).save(path)
    copy.drift_reference_path.unlink()
    pawsight.evaluate(copy.path, progress=recorded)
    assert (path.read_bytes(), copy.drift_reference_path.read_bytes()) == (written, distances)
    assert any("was written again" in note for note in recorded.notes)
    caplog.clear()
    assert pawsight.verify(copy.path).holds and not caplog.messages


def test_a_run_is_evaluated_on_photos_without_parts_as_a_whole(run, photos):
    metrics = pawsight.evaluate(run.path, photos)
    assert metrics["parts"]["test"]["n"] == 80
    assert (run.path / "evaluation" / "pets" / "predictions-test.csv").is_file()


def test_robustness_is_measured_on_the_runs_own_photos_only(run, photos):
    with pytest.raises(ConfigError, match="Robustness is measured on the run's own photos"):
        pawsight.evaluate(run.path, photos, robustness=True)


def test_photos_of_an_unknown_class_are_refused_before_they_are_read(
    run, photos, tmp_path, monkeypatch
):
    shutil.copytree(photos, tmp_path / "pets")
    (tmp_path / "pets" / "dogs").rename(tmp_path / "pets" / "wolves")
    monkeypatch.setattr(finished_runs, "ingest", None)
    with pytest.raises(DataError, match="was not trained on 'wolves'"):
        pawsight.evaluate(run.path, tmp_path / "pets")
    with pytest.raises(DataError, match="has no label"):
        pawsight.evaluate(run.path, tmp_path / "pets" / "cats")


def test_a_loaded_classifier_predicts_what_the_run_predicted(run, photos):
    with run.predictions_path("test").open() as file:
        first = file.readlines()[1].rstrip("\n").split(",")
    prediction = pawsight.load(run).predict(photos / first[0].strip('"'))[0]
    assert prediction.label == first[2].strip('"')
    assert prediction.probability == pytest.approx(float(first[3]), abs=1e-5)


def test_look_alikes_that_are_most_of_a_class_are_divided_and_reported(tmp_path, cache, recorded):
    rng = np.random.default_rng(0)
    noises = rng.integers(0, 256, (21, 8, 8, 3), np.uint8)
    one = [(f"cats/{number}.jpg", noises[0], 60 + 2 * number) for number in range(14)]
    others = [(f"dogs/{number}.jpg", noise, 90) for number, noise in enumerate(noises[1:])]
    for path, noise, quality in one + others:
        (tmp_path / "pets" / path).parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(noise).resize((96, 96), Image.Resampling.BICUBIC)
        image.save(tmp_path / "pets" / path, quality=quality)
    catalog, pixels = ingest(tmp_path / "pets", (64, 64))
    dataset = divide(catalog, pixels, SplitConfig(), recorded)
    assert [len(group) for group in dataset.duplicates] == [14]
    # As a run that is resumed finds them.
    assert dataset.duplicates == find_duplicates(dataset.catalog, pixels)
    assert across_parts(dataset.catalog, dataset.duplicates) == dataset.duplicates
    assert any("most of a class" in note for note in recorded.notes)


def test_an_audit_counts_what_is_there(photos):
    found = pawsight.audit(photos)
    assert found["classes"] == {"cats": 40, "dogs": 40}
    assert [one["path"] for one in found["broken"]] == ["cats/broken.jpg"]
    assert (found["num_photos"], found["num_ignored"]) == (81, 1)


@pytest.mark.slow
def test_feed_and_model_work_with_plain_keras(photos):
    batches = pawsight.feed(
        photos, image_size=(32, 32), batch_size=14, augment=AugmentConfig(horizontal_flip=True)
    )
    held_out = pawsight.feed(photos, "validation", image_size=(32, 32), batch_size=12)
    model = pawsight.build_model("swift", 2, (32, 32))
    model.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    history = model.fit(
        batches, validation_data=held_out, epochs=2, verbose=0, shuffle=False
    ).history
    assert len(history["loss"]) == 2
    assert np.isfinite(history["val_loss"]).all()
    images, labels = next(iter(batches))
    assert (images.shape, images.dtype, labels.dtype) == ((14, 32, 32, 3), "float32", "int32")
    assert float(keras.ops.max(images)) > 1  # 0..255: scaling is inside the model


def test_without_a_run_the_shipped_model_is_loaded():
    assert pawsight.load().class_names == ("cats", "dogs")
