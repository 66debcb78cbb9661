"""A run with a detector of photos unlike its training set, which knows red and blue photos."""

from dataclasses import replace

import numpy as np
import pytest

from pawsight.evaluation.ood_fit import fit_detector
from pawsight.inference.enlarged_images import features_key
from pawsight.models import builtin
from pawsight.models.onnx_session import new_session

from ..conftest import write_colour_model


def draw_noise(kind, count, seed):
    """Noisy images of 32 x 32 pixels, uint8 [count, 32, 32, 3]: red, blue, or a chessboard."""
    random = np.random.default_rng(seed)
    images = np.zeros((count, 32, 32, 3))
    if kind == "chessboard":
        images[:] = 255.0 * (np.indices((32, 32)).sum(axis=0) // 4 % 2)[..., None]
    else:
        images[..., 0 if kind == "red" else 2] = 180
    return np.clip(images + random.normal(0, 12, images.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def run_with_detector(make_colour_run):
    """A run of 32 x 32 pixels whose detector knows red and blue photos."""
    points = [
        {"max_error": 0.05, "confidence": 0.95, "threshold": 0.3, "coverage": 0.9, "error": 0.001}
    ]
    run = make_colour_run(image_size=[32, 32], operating_points=points)
    write_colour_model(run.onnx_path, 32, 32)
    network = new_session(builtin.onnx_path().read_bytes())
    images = np.concatenate([draw_noise("red", 30, 1), draw_noise("blue", 30, 2)]).astype(
        np.float32
    )
    features = network.run(["features"], {"images": images})[0]
    detector = fit_detector(features, np.repeat([0, 1], 30))
    replace(detector, network=features_key((32, 32))).save(run.out_of_distribution_path)
    return run


@pytest.fixture
def drawn():
    """Noisy images by kind, count and seed."""
    return draw_noise
