"""The exported ONNX file computes the out-of-distribution score where it can."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from pawsight.exporting import onnx_format
from pawsight.exporting.model_folder import ModelFolder
from pawsight.inference import enlarged_images
from pawsight.inference.classifier import Classifier
from pawsight.inference.out_of_distribution import OutOfDistributionDetector
from pawsight.models import builtin
from pawsight.models.onnx_session import new_session
from pawsight.progress import Silent
from pawsight.runs import Run


def check_scores(run, image_size, folder):
    """Compare what the exported file computes of two images with what Python does."""
    images = np.random.default_rng(0).integers(0, 256, (2, *image_size, 3), np.uint8)
    images[1] = 128

    path = onnx_format.write(ModelFolder.open(run), folder, Silent())
    outputs = ["probabilities", "ood_score"]
    session = new_session(path.read_bytes())
    probabilities, scores = session.run(outputs, {"images": images.astype(np.float32)})

    wanted = Classifier.load(run).predict(list(images))
    assert scores == pytest.approx([one.ood_score for one in wanted], rel=2e-3)
    assert probabilities[:, 0] == pytest.approx(
        [one.probabilities["cats"] for one in wanted], abs=1e-4
    )
    assert [one.name for one in session.get_outputs()] == ["logits", *outputs]
    assert "ood_score" in session.get_modelmeta().custom_metadata_map["outputs"]


def test_score_is_that_of_python(tmp_path):
    check_scores(Run(builtin.folder()), builtin.IMAGE_SIZE, tmp_path)


def test_score_beside_another_network_is_that_of_python(run, tmp_path):
    check_scores(run, (32, 40), tmp_path)


def test_small_images_are_enlarged_in_the_file_as_in_python(run, tmp_path, monkeypatch):
    monkeypatch.setattr(enlarged_images, "NUM_PIXELS", 100 * 120)  # 98 x 122 pixels
    own = Run(shutil.copytree(run.path, tmp_path / "run"))
    detector = OutOfDistributionDetector.load(own.out_of_distribution_path)
    fitted = replace(detector, network=enlarged_images.features_key((32, 40)))
    fitted.save(own.out_of_distribution_path)
    check_scores(own, (32, 40), tmp_path)


def test_run_without_a_detector_has_no_score(make_colour_run, tmp_path):
    run = make_colour_run()
    path = onnx_format.write(ModelFolder.open(run), tmp_path, Silent())

    names = [one.name for one in new_session(path.read_bytes()).get_outputs()]
    assert names == ["logits", "probabilities"]
