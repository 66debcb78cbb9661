"""The exported ONNX file computes the out-of-distribution score where it can."""

import numpy as np
import pytest

from pawsight.exporting import onnx_format
from pawsight.exporting.model_folder import ModelFolder
from pawsight.inference.classifier import Classifier
from pawsight.models import builtin
from pawsight.models.onnx_session import new_session
from pawsight.progress import Silent
from pawsight.runs import Run


def test_the_score_is_that_of_python(tmp_path):
    run = Run(builtin.folder())
    images = np.random.default_rng(0).integers(0, 256, (2, *builtin.IMAGE_SIZE, 3), np.uint8)
    images[1] = 128

    path = onnx_format.write(ModelFolder.open(run), tmp_path, Silent())
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


def test_score_beside_another_network_is_that_of_python(run, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 40, 3), np.uint8)
    images[1] = 128

    path = onnx_format.write(ModelFolder.open(run), tmp_path, Silent())
    session = new_session(path.read_bytes())
    outputs = ["probabilities", "ood_score"]
    probabilities, scores = session.run(outputs, {"images": images.astype(np.float32)})

    wanted = Classifier.load(run).predict(list(images))
    assert scores == pytest.approx([one.ood_score for one in wanted], rel=2e-3)
    assert probabilities[:, 0] == pytest.approx(
        [one.probabilities["cats"] for one in wanted], abs=1e-4
    )
    assert [one.name for one in session.get_outputs()] == ["logits", *outputs]


def test_run_without_a_detector_has_no_score(make_colour_run, tmp_path):
    run = make_colour_run()
    path = onnx_format.write(ModelFolder.open(run), tmp_path, Silent())

    names = [one.name for one in new_session(path.read_bytes()).get_outputs()]
    assert names == ["logits", "probabilities"]
