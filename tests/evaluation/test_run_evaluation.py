from pathlib import Path

import numpy as np
import pytest

from pawsight.data.catalog import Catalog
from pawsight.data.dataset import Dataset
from pawsight.data.decoding.analysis import ROW
from pawsight.data.duplicates.training_copies import CopiesOfTraining
from pawsight.evaluation import run_evaluation
from pawsight.evaluation.run_evaluation import evaluate_others, evaluate_run
from pawsight.models.description import ModelDescription
from pawsight.progress import Silent
from pawsight.records import Photo
from pawsight.runs import Run


class ClassColours:
    """Photo i is a 1x1 picture of colour i; photos in `lost` cannot be read any more."""

    def __init__(self, *lost):
        self.lost = dict.fromkeys(lost, "the file is no longer there")

    def read(self, indices):
        return np.asarray(indices, np.uint8).reshape(-1, 1, 1, 1).repeat(3, axis=3)

    def analysis(self, indices):
        return np.zeros(len(indices), ROW)


def logits(images):
    """Photos with even numbers are surely cats, the others dogs."""
    is_odd = images[:, 0, 0, 0] % 2
    return np.stack([1.0 - is_odd, is_odd], axis=1) * 4


def catalog_of(num_train_dogs: int) -> Catalog:
    """Photo i is a cat if i is even; 8 to validate, 8 to test, then those to train on."""
    rows = [
        Photo(f"{i}.jpg", ("cats", "dogs")[i % 2], "validation" if i < 8 else "test")
        for i in range(16)
    ]
    rows += [Photo(f"{16 + i}.jpg", "cats", "train") for i in range(30)]
    rows += [Photo(f"{46 + i}.jpg", "dogs", "train") for i in range(num_train_dogs)]
    return Catalog("pets", Path("/photos"), tuple(rows))


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path)
    described = ModelDescription(
        class_names=("cats", "dogs"), image_size=(8, 8), resize="stretch", source="pets"
    )
    described.save(run)
    return run


@pytest.mark.parametrize(("num_train_dogs", "expected"), [(20, False), (19, True)])
def test_uneven_training_photos_make_every_part_quote_the_balanced_accuracy(
    run, num_train_dogs, expected
):
    found = evaluate_run(run, logits, Dataset(catalog_of(num_train_dogs), ClassColours()), Silent())

    assert [part.is_imbalanced for part in found.parts.values()] == [expected] * 2
    assert found.lost == ()
    assert found.headline == "test"


def test_photos_that_went_bad_are_named_and_not_measured(run):
    found = evaluate_run(run, logits, Dataset(catalog_of(20), ClassColours(17, 9, 3)), Silent())

    assert [part.n for part in found.parts.values()] == [7, 7]
    assert run.metrics["lost"] == [
        {"path": f"{i}.jpg", "problem": "the file is no longer there"} for i in (3, 9, 17)
    ]
    assert run.metrics == found.to_json()


def others(run, hashes, recorded):
    """Evaluate on photos with these hashes; photo i is a cat if i is even, and taken for one."""
    photos = tuple(
        Photo(f"{i}.jpg", ("cats", "dogs")[i % 2 if i != 3 else 0], "test", sha256=sha256)
        for i, sha256 in enumerate(hashes)
    )
    catalog = Catalog("more", Path("/more"), photos)
    names = ("cats", "dogs")
    return evaluate_others(
        *(run, "more/", lambda images: logits(images) / 4, names),
        *(catalog, ClassColours(), "test", recorded),
    )


@pytest.fixture
def trained(run):
    """A run trained on photos t0 and t1, and validated on v0."""
    rows = [Photo(f"{name}.jpg", "cats", "train", sha256=name) for name in ("t0", "t1")]
    rows.append(Photo("v0.jpg", "dogs", "validation", sha256="v0"))
    Catalog("pets", Path("/photos"), tuple(rows)).save(run.catalog_path)
    return run


def test_copies_of_training_photos_are_counted_and_measured_without(trained, recorded):
    # Of six photos the fourth is wrong; the first two were trained on.
    found = others(trained, ["t0", "t1", "v0", "n1", "n2", "n3"], recorded)

    assert found.main.num_correct == 5
    assert (found.training_copies.num_photos, found.training_copies.without.n) == (2, 4)
    assert found.training_copies.without.accuracy == 0.75
    assert recorded.notes == [
        "2 photos of 6 are copies of photos that this model was trained on, so 83.3 % is too "
        "high. Without them: 75.0 %."
    ]
    saved = trained.read_json(trained.evaluation_dir("more") / "metrics.json")
    assert saved == found.to_json()
    assert saved["training_copies"]["without"]["accuracy"] == 0.75


def test_nothing_but_copies_leaves_nothing_to_measure(trained, recorded):
    found = others(trained, ["t0", "t1"], recorded)

    assert found.training_copies.without is None
    assert recorded.notes[0].endswith("There are no other photos.")


def test_copies_that_raised_no_score_are_counted_alone(trained, recorded):
    # Both photos are right, with the copy and without.
    others(trained, ["t0", "n1"], recorded)

    assert recorded.notes == [
        "1 photo of 2 is a copy of a photo that this model was trained on. Without them: 100.0 %."
    ]


def test_copies_with_other_bytes_are_copies_too(trained, recorded, monkeypatch):
    found = CopiesOfTraining(np.arange(6) == 0, np.arange(6) == 1)
    monkeypatch.setattr(run_evaluation, "copies_of_training", lambda *_: found)

    copies = others(trained, ["t0", "n0", "n1", "n2", "n3", "n4"], recorded).training_copies

    # Of the four others the fourth photo is wrong.
    assert (copies.num_photos, copies.num_near, copies.without.accuracy) == (2, 1, 0.75)
    assert "(1 of them re-saved, resized, mirrored or cropped)" in recorded.notes[0]


def test_new_photos_are_no_copies(trained, recorded):
    found = others(trained, ["n0", "v0"], recorded)

    assert found.training_copies is None
    assert recorded.notes == []
    assert "training_copies" not in found.to_json()
