"""The average over mirror images: the choice by hand-made logits, the network, and a whole run."""

import numpy as np
import pytest

from pawsight.config import AugmentConfig, TrainConfig
from pawsight.inference.classifier import Classifier
from pawsight.models import colab, swift
from pawsight.models.description import ModelDescription
from pawsight.models.mirrored import average_mirrored, inner_network
from pawsight.models.model_files import load_model
from pawsight.models.onnx_convert import check_onnx, export_onnx
from pawsight.report.page import write_report
from pawsight.runs import Run
from pawsight.task import MULTI_LABEL, SINGLE_LABEL
from pawsight.training import mirroring
from pawsight.training.average_choice import MirrorChoice
from pawsight.training.mirroring import choose, is_considered, num_evaluated
from pawsight.training.plan import load_plan
from pawsight.training.start import open_start
from pawsight.workflow import draw_sample, export, train, verify

pytestmark = pytest.mark.usefixtures("small_swift")

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 40, 32, 3), dtype=np.uint8)
FLIPPED = np.ascontiguousarray(IMAGES[:, :, ::-1])


def _logits(labels, signal, seed):
    """Logits [N, 3] that are the labels times `signal` plus noise."""
    return signal * np.eye(3)[labels] + np.random.default_rng(seed).normal(size=(len(labels), 3))


def test_an_average_with_less_noise_is_kept():
    labels = np.arange(600) % 3
    plain, flipped = _logits(labels, 1.5, 0), _logits(labels, 1.5, 1)
    choice = choose(plain, (plain + flipped) / 2, labels, SINGLE_LABEL)
    assert choice.is_kept and choice.num_photos == 600
    assert choice.mirrored.accuracy > choice.plain.accuracy
    assert choice.mirrored.log_loss < choice.plain.log_loss
    assert choice.in_words().startswith(
        "The model averages the logits of each photo and its mirror image, which takes twice "
        "as long. Accuracy on 600 validation photos: "
    )


def test_an_average_is_not_kept_without_a_gain_worth_twice_the_time(monkeypatch):
    labels = np.arange(600) % 3
    plain = _logits(labels, 1.5, 0)
    assert not choose(plain, plain, labels, SINGLE_LABEL).is_kept
    # Surer beyond chance, but lower by less than 2 %.
    nearly = plain + 0.01 * _logits(labels, 1.5, 1)
    choice = choose(plain, nearly, labels, SINGLE_LABEL)
    assert 0.98 * choice.plain.log_loss < choice.mirrored.log_loss < choice.plain.log_loss
    assert not choice.is_kept
    assert choice.in_words().startswith("The model does not average over mirror images, since ")
    monkeypatch.setattr(mirroring, "_MIN_GAIN", 0.0)
    assert choose(plain, nearly, labels, SINGLE_LABEL).is_kept


def test_a_gain_on_few_photos_is_no_gain_beyond_chance():
    labels = np.arange(6) % 3
    plain = _logits(labels, 1.0, 4)
    half = (plain + _logits(labels, 1.0, 54)) / 2
    choice = choose(plain, half, labels, SINGLE_LABEL)
    assert choice.mirrored.log_loss < 0.98 * choice.plain.log_loss and not choice.is_kept


def test_an_average_may_be_right_on_a_few_photos_less_but_not_on_many():
    labels = np.arange(600) % 2
    plain = (
        np.where(np.eye(2)[labels] == 1, 0.1, -0.1) * np.r_[np.ones(500), -np.ones(100)][:, None]
    )
    surer = np.where(np.eye(2)[labels] == 1, 3.0, -3.0)
    for num_wrong, is_kept in ((101, True), (180, False)):
        mirrored = surer.copy()
        mirrored[:num_wrong] *= -0.1
        choice = choose(plain, mirrored, labels, SINGLE_LABEL)
        assert choice.mirrored.accuracy < choice.plain.accuracy
        assert choice.is_kept is is_kept, num_wrong


def test_several_labels_are_compared_by_their_sigmoids():
    labels = np.random.default_rng(2).integers(0, 2, (400, 3))
    noise = np.random.default_rng(0).normal(size=(2, 400, 3))
    plain, flipped = 2 * labels - 1 + noise
    choice = choose(plain, (plain + flipped) / 2, labels, MULTI_LABEL)
    assert choice.is_kept and choice.accuracy_title == MULTI_LABEL.accuracy_title


@pytest.fixture(scope="module")
def photos(make_once):
    return make_once("mirroring/pets", lambda folder: draw_sample(folder, count=40))


@pytest.fixture
def run(photos, tmp_path, monkeypatch):
    """A run of swift whose model averages over mirror images."""

    def keep(*arguments):
        return choose(*arguments).model_copy(update={"is_kept": True})

    monkeypatch.setattr(mirroring, "choose", keep)
    config = TrainConfig(model="swift", image_size=(40, 32), epochs=1)
    return Run(train(photos, config, tmp_path / "run").path)


def test_a_run_averages_over_mirror_images_wherever_it_predicts(run, tmp_path):
    description = ModelDescription.load(run)
    assert description.is_mirrored and MirrorChoice.load(run).is_kept
    network = swift.NETWORK.load(run, description)
    expected = (
        np.asarray(network(IMAGES.astype(np.float32)))
        + np.asarray(network(FLIPPED.astype(np.float32)))
    ) / 2
    classifier, loaded = Classifier.load(run), load_model(run)
    np.testing.assert_allclose(classifier.logits(IMAGES), expected, atol=1e-4)
    np.testing.assert_allclose(classifier.logits(FLIPPED), expected, atol=1e-4)
    np.testing.assert_allclose(np.asarray(loaded(IMAGES.astype(np.float32))), expected, atol=1e-4)
    assert (classifier.probs(IMAGES, tta=True) == classifier.probs(IMAGES)).all()
    pixels = list(IMAGES)
    plain, averaged = (
        classifier.predictions_of([""] * 3, pixels, tta=tta) for tta in (False, True)
    )
    assert [one.probabilities for one in plain] == [one.probabilities for one in averaged]
    assert "averages the logits of each photo and its mirror image" in (
        write_report(run).read_text(encoding="utf-8")
    )
    assert not verify(run).problems
    exported = export(run, format="keras", out=tmp_path / "export")
    assert exported.largest_difference < 1e-4
    start = open_start(str(exported.path), "swift")
    assert start.weights_path is not None
    grown = start.build(load_plan(run))
    for weight, original in zip(grown.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, original)


def test_onnx_files_of_converters_are_averaged_too(tmp_path):
    network = _network_of_tf2onnx()
    model = average_mirrored(network)
    assert inner_network(model) is not None and inner_network(network) is None
    export_onnx(model, tmp_path / "model.onnx")
    assert check_onnx(model, tmp_path / "model.onnx", IMAGES) < 1e-5


def _network_of_tf2onnx():
    """A network with a layer that is not written directly."""
    import keras

    images = keras.Input((40, 32, 3))
    x = keras.layers.Conv2D(4, 3, activation="gelu")(images / 255)
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(4)(x))
    return keras.Model(images, keras.layers.Dense(2, name="logits")(x))


def test_what_is_compared_and_what_it_takes_of_the_budget(run):
    plan = load_plan(run)
    config = TrainConfig(model="swift")
    assert is_considered(config, swift.NETWORK, plan)
    assert not is_considered(config, colab.NETWORK, plan)
    assert not is_considered(TrainConfig(average_mirrored="none"), swift.NETWORK, plan)
    unflipped = plan.model_copy(update={"augment": AugmentConfig(horizontal_flip=False)})
    assert not is_considered(config, swift.NETWORK, unflipped)
    for minutes, expected in ((2.9, False), (3.0, True)):
        timed = plan.model_copy(update={"minutes": minutes})
        assert is_considered(config, swift.NETWORK, timed) is expected

    class Catalog:
        def part(self, name):
            return np.arange({"validation": 1500, "test": 100}[name])

    assert num_evaluated(config, swift.NETWORK, plan, Catalog()) == 2 * 1600 + 2 * 1000
    assert num_evaluated(config, colab.NETWORK, plan, Catalog()) == 1600
