"""Which photos the detector of unlike photos is fitted to, and of which models."""

import numpy as np
import pytest

from pawsight.models.description import ModelDescription
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
