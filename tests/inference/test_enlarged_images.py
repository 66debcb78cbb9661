"""Small images are enlarged before the features that tell photos of other things are computed."""

import numpy as np
import pytest

from pawsight.inference import enlarged_images
from pawsight.inference.classifier import Classifier
from pawsight.inference.enlarged_images import enlarge, enlarged_size, features_key
from pawsight.models import builtin


@pytest.fixture
def as_shipped(monkeypatch):
    monkeypatch.setattr(enlarged_images, "NUM_PIXELS", 288 * 288)


@pytest.mark.parametrize(
    ("size", "enlarged"),
    [
        ((144, 144), (288, 288)),
        ((288, 288), (288, 288)),
        ((300, 300), (300, 300)),
        ((48, 192), (144, 576)),
        ((100, 150), (235, 353)),
        ((576, 144), (576, 144)),  # as many pixels already
    ],
)
def test_images_get_as_many_pixels_as_the_network_was_trained_on(as_shipped, size, enlarged):
    assert enlarged_size(size) == enlarged
    assert features_key(size) == f"{builtin.digest()}-{enlarged[0]}x{enlarged[1]}"


def test_enlarging_interpolates_and_keeps_large_images(as_shipped):
    ramp = np.arange(96, dtype=np.float32)
    images = np.zeros((2, 96, 96, 3), np.float32)
    images[0, ..., 0], images[1, ..., 2] = ramp[None], 2 * ramp[:, None]
    found = enlarge(images)
    wanted = np.clip((np.arange(288) + 0.5) / 3 - 0.5, 0, 95)
    np.testing.assert_allclose(found[0, ..., 0], np.tile(wanted, (288, 1)), atol=1e-3)
    np.testing.assert_allclose(found[1, ..., 2], np.tile(2 * wanted[:, None], (1, 288)), atol=1e-3)
    assert not found[0, ..., 1:].any() and not found[1, ..., :2].any()
    assert enlarge(found) is found


def test_a_detector_of_images_that_were_not_enlarged_is_not_used(
    run_with_detector, drawn, monkeypatch, caplog
):
    monkeypatch.setattr(enlarged_images, "NUM_PIXELS", 64 * 64)
    (found,) = Classifier.load(run_with_detector).predict(drawn("red", 1, 5)[0])
    assert found.ood_score is None and "pawsight evaluate" in caplog.text
