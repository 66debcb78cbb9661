from pathlib import Path

import numpy as np
import pytest

from pawsight.data.catalog import Catalog
from pawsight.evaluation.run_evaluation import evaluate_run
from pawsight.progress import Silent
from pawsight.records import Photo
from pawsight.runs import Run
from pawsight.storage.atomic import write_json


class ClassColours:
    """Photo i is a 1x1 picture of colour i; photos in `lost` cannot be read any more."""

    def __init__(self, *lost):
        self.lost = dict.fromkeys(lost, "the file is no longer there")

    def read(self, indices):
        return np.asarray(indices, np.uint8).reshape(-1, 1, 1, 1).repeat(3, axis=3)


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
    write_json(run.model_path, {"temperature": 1.0})
    return run


@pytest.mark.parametrize(("num_train_dogs", "expected"), [(20, False), (19, True)])
def test_uneven_training_photos_make_every_part_quote_the_balanced_accuracy(
    run, num_train_dogs, expected
):
    found = evaluate_run(run, logits, catalog_of(num_train_dogs), ClassColours(), [], Silent())

    assert [part["is_imbalanced"] for part in found["parts"].values()] == [expected] * 2
    assert found["lost"] == []
    assert found["headline"] == "test"


def test_photos_that_went_bad_are_named_and_not_measured(run):
    found = evaluate_run(run, logits, catalog_of(20), ClassColours(17, 9, 3), [], Silent())

    assert [part["n"] for part in found["parts"].values()] == [7, 7]
    assert found["lost"] == [
        {"path": f"{i}.jpg", "problem": "the file is no longer there"} for i in (3, 9, 17)
    ]
    assert run.metrics == found
