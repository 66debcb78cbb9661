from types import SimpleNamespace

import numpy as np
import pytest

from pawsight.records import Predictions
from pawsight.task import SINGLE_LABEL


@pytest.fixture
def make_predictions():
    """Predictions from the true labels and the probabilities, with names a, b, c, ..."""

    def make(labels, probs, class_names=None):
        probs = np.asarray(probs, np.float64)
        names = class_names or tuple("abcdefghijklmnopqrstuvwxyz"[: probs.shape[1]])
        return Predictions(
            paths=tuple(f"{names[label]}/{i}.jpg" for i, label in enumerate(labels)),
            labels=np.asarray(labels, np.int64),
            probs=probs,
            class_names=tuple(names),
        )

    return make


@pytest.fixture
def make_catalog():
    """What `collect` needs of a catalog: photo i has the label labels[i], all in one part."""

    def make(labels, class_names, part="test"):
        photos = [SimpleNamespace(path=f"{i}.jpg") for i in range(len(labels))]
        return SimpleNamespace(
            task=SINGLE_LABEL,
            name="pets",
            root="photos",
            photos=photos,
            broken=[],
            class_names=tuple(class_names),
            part=lambda p: np.arange(len(labels) if p == part else 0),
            labels=lambda indices: np.asarray(labels, np.int64)[indices],
        )

    return make
