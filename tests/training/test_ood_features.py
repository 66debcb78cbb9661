"""Which photos the detector of unlike photos is fitted to, and of which models."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from pawsight.data.catalog import Catalog
from pawsight.evaluation.predictions import save_predictions
from pawsight.inference.drift import DriftReference
from pawsight.models.description import ModelDescription
from pawsight.records import Photo, Predictions
from pawsight.runs import Run
from pawsight.training import ood_features
from pawsight.training.features import Features
from pawsight.training.ood_features import can_extract, sample_photos


@pytest.mark.parametrize(
    ("size", "task", "is_possible"),
    [
        ((32, 32), "single-label", True),
        ((31, 64), "single-label", False),
        ((64, 31), "single-label", False),
        ((64, 64), "multi-label", False),
    ],
)
def test_images_of_32_pixels_and_one_label_have_a_detector(size, task, is_possible):
    described = ModelDescription(
        class_names=("cats", "dogs"), image_size=size, resize="stretch", task=task
    )
    assert can_extract(described) is is_possible


def test_a_sample_is_sorted_and_always_the_same():
    few = np.arange(512) * 2
    assert sample_photos(few) is few
    many = np.arange(513) * 2
    found = sample_photos(many)
    assert len(found) == len(set(found.tolist())) == 512
    assert (np.diff(found) > 0).all() and set(found.tolist()) <= set(many.tolist())
    np.testing.assert_array_equal(found, sample_photos(many))
    assert len(sample_photos(many, 7)) == 7


class Reader:
    """Features of photos: their indices."""

    def __init__(self):
        self.asked = []

    def read(self, catalog, pixels, indices, progress):
        self.asked.append(indices.tolist())
        rows = np.stack([indices, indices], axis=1).astype(np.float32)
        return Features(indices, rows, 0, 0.0)

    def compute(self, images):
        return np.full((len(images), 2), images.mean(), np.float32)


def dataset(folder, parts, none_paths=()):
    photos = tuple(Photo(f"{i}.jpg", "cats", part) for i, part in enumerate(parts))
    catalog = Catalog("pets", folder, photos, 0, none_paths=none_paths)
    return SimpleNamespace(catalog=catalog, pixels=None, duplicates=())


def predictions(run, part, indices):
    probs = np.array([[0.25, 0.75] if i % 2 else [0.9, 0.1] for i in indices])
    paths = tuple(f"{i}.jpg" for i in indices)
    found = Predictions(paths, np.zeros(len(paths), np.int64), probs, ("cats", "dogs"))
    run.predictions_path(part).parent.mkdir(exist_ok=True)
    save_predictions(found, run.predictions_path(part))


class Detector:
    """The distance of a photo is its index, of which 4 is the largest accepted."""

    threshold = 4.0

    def distances(self, rows):
        return rows[:, 0].astype(np.float64)


def test_held_out_photos_are_what_later_ones_are_compared_with(tmp_path, monkeypatch):
    run, reader = Run(tmp_path), Reader()
    data = dataset(tmp_path, ["train", "test", "validation", "validation", "test"])
    predictions(run, "validation", [3, 2])
    predictions(run, "test", [1])
    ood_features._save_drift_reference(run, reader, data, Detector(), None)
    assert reader.asked == [[2, 3, 1]]  # those of the validation part first; 4 was not predicted
    found = DriftReference.load(run.drift_reference_path)
    assert found.classes.tolist() == [0, 1, 1]
    np.testing.assert_allclose(found.probabilities, [0.9, 0.75, 0.75])
    np.testing.assert_allclose(found.ood_scores, [0.5, 0.75, 0.25])
    monkeypatch.setattr(ood_features, "_MAX_HELD_OUT", 2)  # enough: the test part stays out
    ood_features._save_drift_reference(run, reader, data, Detector(), None)
    assert reader.asked[-1] == [2, 3]


def test_photos_of_none_of_the_classes_are_decoded_at_the_size_of_the_model(tmp_path, recorded):
    for number in (1, 2):
        Image.new("RGB", (9, 7), (10 * number,) * 3).save(tmp_path / f"{number}.png")
    described = ModelDescription(
        class_names=("cats", "dogs"), image_size=(32, 40), resize="stretch"
    )
    data = dataset(tmp_path, ["train"], ("1.png", "gone.png", "2.png"))
    found = ood_features._none_features(Reader(), data, described, recorded)
    assert found.tolist() == [[10, 10], [20, 20]]  # the one that is gone is left out
    nothing = dataset(tmp_path, ["train"], ("gone.png",))
    assert ood_features._none_features(Reader(), nothing, described, recorded).shape == (0, 0)
    nothing = dataset(tmp_path, ["train"])
    assert ood_features._none_features(Reader(), nothing, described, recorded).shape == (0, 0)
