"""A prediction is a class, unsure, or none of the classes."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from pawsight.errors import ConfigError, RunError
from pawsight.evaluation.ood_fit import fit_detector
from pawsight.inference.answers import NONE, UNSURE, answer_of, choose_threshold
from pawsight.inference.classifier import Classifier
from pawsight.inference.enlarged_images import features_key
from pawsight.inference.model_runner import outputs_features
from pawsight.inference.ood_score import detector_of, gives_features
from pawsight.inference.out_of_distribution import OutOfDistributionDetector
from pawsight.models import builtin
from pawsight.models.description import ModelDescription
from pawsight.models.onnx_session import session_of_file
from pawsight.models.operating_point import OperatingPoint
from pawsight.runs import Run


def point(max_error, threshold):
    return OperatingPoint(
        max_error=max_error, confidence=0.95, threshold=threshold, coverage=0.9, error=0.001
    )


POINTS = (point(0.01, 0.97), point(0.02, 0.9), point(0.05, 0.6))


@pytest.mark.parametrize(("max_error", "threshold"), [(0.05, 0.6), (0.03, 0.9), (0.01, 0.97)])
def test_threshold_is_that_of_the_strictest_proven_rate_that_is_enough(max_error, threshold):
    assert choose_threshold(POINTS, max_error) == threshold


def test_default_is_the_lowest_rate_at_which_most_photos_are_answered():
    few, most = {"coverage": 0.79}, {"coverage": 0.8}
    points = [one.model_copy(update=few) for one in POINTS]
    assert choose_threshold((points[0], points[1].model_copy(update=most), points[2])) == 0.9
    assert choose_threshold(tuple(points)) == 0.6  # none does: the highest proven rate


def test_threshold_without_proof_is_the_plain_one():
    assert choose_threshold(()) == 0.8


def test_rate_that_is_not_proven_is_refused_with_the_lowest_that_is():
    with pytest.raises(ConfigError, match=r"Choose --max-error 0\.01 or higher"):
        choose_threshold(POINTS, 0.005)
    with pytest.raises(ConfigError, match=r"no proven error rate: .* were wrong"):
        choose_threshold((), 0.01)
    with pytest.raises(ConfigError, match="above 0 and below 1"):
        choose_threshold(POINTS, 1.5)


def test_answer_is_none_before_it_is_unsure():
    assert answer_of("cats", 0.99, 1.01, 0.8) == NONE
    assert answer_of("cats", 0.5, 1.01, 0.8) == NONE
    assert answer_of("cats", 0.79, 1.0, 0.8) == UNSURE
    assert answer_of("cats", 0.8, None, 0.8) == "cats"


def test_photos_unlike_the_training_set_are_none_of_the_classes(run_with_detector, drawn):
    classifier = Classifier.load(run_with_detector)
    photos = [*drawn("red", 2, 3), *drawn("blue", 2, 4), *drawn("chessboard", 2, 5)]
    found = classifier.predict(photos)
    assert [one.answer for one in found] == ["red", "red", "blue", "blue", NONE, NONE]
    assert all(one.ood_score <= 1 for one in found[:4])
    assert all(one.ood_score > 1 for one in found[4:])
    assert found[4].label in classifier.class_names  # the best class is still named


def test_copied_classifier_gives_the_same_answers(run_with_detector, drawn):
    classifier = Classifier.load(run_with_detector)
    photo = drawn("chessboard", 1, 5)[0]
    assert pickle.loads(pickle.dumps(classifier)).predict(photo) == classifier.predict(photo)


def test_model_without_a_detector_has_no_score(colour_run, plain_pixels):
    (found,) = Classifier.load(colour_run).predict(plain_pixels((200, 0, 0))[0])
    assert found.ood_score is None
    assert found.answer in ("red", UNSURE)


def test_damaged_detector_is_an_error_that_names_the_file(run_with_detector):
    run_with_detector.out_of_distribution_path.write_bytes(b"PK")
    with pytest.raises(RunError, match=r"out_of_distribution\.npz"):
        Classifier.load(run_with_detector)


def test_detector_of_other_features_is_refused(run_with_detector):
    random = np.random.default_rng(0)
    other = fit_detector(random.normal(size=(20, 7)), np.repeat([0, 1], 10))
    other.save(run_with_detector.out_of_distribution_path)
    with pytest.raises(RunError, match="other features"):
        Classifier.load(run_with_detector)


def test_detector_of_another_network_is_used_where_the_model_computes_its_features(
    run_with_detector, drawn, caplog, monkeypatch
):
    path, photo = run_with_detector.out_of_distribution_path, drawn("chessboard", 1, 5)[0]
    detector = OutOfDistributionDetector.load(path)
    assert detector.network == features_key((32, 32))
    for network in ("", "0" * 64):  # of an earlier version, of any other
        replace(detector, network=network).save(path)
        (found,) = Classifier.load(run_with_detector).predict(photo)
        assert found.ood_score is None and found.answer != NONE
        assert f"pawsight evaluate {run_with_detector.place}" in caplog.messages.pop()
    assert detector_of(run_with_detector, has_features=True).network == "0" * 64


def test_detector_that_an_earlier_version_saved_names_no_network(run_with_detector):
    path = run_with_detector.out_of_distribution_path
    with np.load(path) as arrays:
        kept = {name: arrays[name] for name in arrays.files if name != "network"}
    np.savez(path, **kept)
    assert OutOfDistributionDetector.load(path).network == ""


def test_features_of_another_network_are_not_those_of_the_detector(run_with_detector):
    head = Run(builtin.folder())
    described = ModelDescription.load(head)
    assert outputs_features(described, session_of_file(head.onnx_path))
    other = described.model_copy(update={"architecture": "mobilenetv2"})
    assert not outputs_features(other, session_of_file(head.onnx_path))


def test_whether_a_model_computes_the_features_is_read_from_its_file(run_with_detector):
    assert not gives_features(run_with_detector)
    assert gives_features(Run(builtin.folder()))
