"""The default model: the shipped network, a linear head first, then fine-tuning."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from pawsight.config import TrainConfig
from pawsight.errors import StoppedError
from pawsight.history import load_history
from pawsight.inference.classifier import Classifier
from pawsight.models.builtin.layers import FastReLU6, FrozenDepthwiseConv2D
from pawsight.models.model_files import load_model
from pawsight.runs import Run
from pawsight.training.plan import HeadPlan, Plan, load_plan
from pawsight.training.session import smoothed_at_most
from pawsight.workflow import export, resume, train

from .test_finetune import _RecordingProgress

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def photos(fine_tuned):
    return fine_tuned / "pets"


@pytest.fixture
def whole(fine_tuned):
    """The run and its notes."""
    return Run(fine_tuned / "run"), json.loads((fine_tuned / "notes.json").read_text())


def _gradients(layer, images, upstream):
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = layer(images)
    return outputs.numpy(), tape.gradient(outputs, images, upstream).numpy()


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("size", [3, 5])
def test_a_frozen_depthwise_convolution_has_the_values_and_gradients_of_keras(strides, size):
    rng = np.random.default_rng(0)
    images = tf.constant(rng.normal(size=(2, 9, 8, 4)).astype(np.float32))
    pair = [
        kind(size, strides=strides, padding="same", bias_initializer="ones")
        for kind in (keras.layers.DepthwiseConv2D, FrozenDepthwiseConv2D)
    ]
    for layer in pair:
        layer.build(images.shape)
    pair[1].set_weights(pair[0].get_weights())
    upstream = tf.constant(rng.normal(size=pair[0](images).shape).astype(np.float32))
    expected, found = (_gradients(layer, images, upstream) for layer in pair)
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_relu6_lets_the_gradient_through_where_it_does_not_clip():
    images = tf.constant([[-1.0, 0.0, 2.0, 6.0, 7.0]])
    outputs, gradient = _gradients(FastReLU6(6.0), images, tf.fill((1, 5), 3.0))
    assert outputs.tolist() == [[0, 0, 2, 6, 6]]
    assert gradient.tolist() == [[0, 0, 3, 0, 0]]


def test_the_first_convolution_and_the_depthwise_ones_do_not_learn():
    from pawsight.models.registry import build_model

    model = build_model("builtin", 3, (32, 32))
    learning = {layer.name for layer in model.layers if layer.trainable_variables}
    assert "logits" in learning and "block1_expand" in learning
    assert not {name for name in learning if "depthwise" in name or name == "stem"}


@pytest.mark.slow
def test_by_default_a_head_is_fitted_and_then_the_shipped_network_is_fine_tuned(whole):
    run, notes = whole
    plan = load_plan(run)
    assert isinstance(plan, Plan)
    assert plan.model == "builtin" and plan.head_strength is not None
    history = load_history(run.history_path)
    assert [(row.epoch, row.is_average) for row in history] == [(0, False), (1, False), (1, True)]
    assert plan.label_smoothing == min(0.1, 1 - history[0].validation_accuracy)
    assert plan.num_head_photos == plan.num_train  # all of them: there are fewer than are wanted
    assert any(note.startswith("Linear head fitted") for note in notes)
    assert run.read_json(run.config_path)["settings"]["finetune"] == "auto"


@pytest.mark.parametrize(("accuracy", "smoothing"), [(0.75, 0.1), (0.984375, 0.015625), (1, 0)])
def test_no_more_labels_are_smoothed_than_the_head_gets_wrong(plan_of, accuracy, smoothing):
    plan = smoothed_at_most(plan_of(label_smoothing=0.1), 1 - accuracy)
    assert plan.label_smoothing == smoothing


@pytest.mark.slow
def test_the_fine_tuned_model_is_one_onnx_file_that_computes_what_keras_computes(whole, tmp_path):
    run, _ = whole
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    logits = Classifier.load(run).logits(images)
    model = load_model(run)
    np.testing.assert_allclose(model(images.astype(np.float32)), logits, atol=1e-3)
    exported = export(run.path, "keras", tmp_path / "exported")
    plain = keras.models.load_model(next(exported.path.rglob("*.keras")))
    np.testing.assert_allclose(plain(images.astype(np.float32))["logits"], logits, atol=1e-3)


@pytest.mark.slow
def test_a_run_stopped_while_it_is_fine_tuned_is_resumed_to_the_same_bits(photos, whole, tmp_path):
    with pytest.raises(StoppedError, match="pawsight resume"):
        settings = whole[0].load_config().settings
        train(photos, settings, tmp_path / "stopped", _RecordingProgress(stop_after=2))
    resumed = resume(tmp_path / "stopped")
    for one, other in zip(load_model(whole[0]).weights, load_model(resumed).weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert resumed.onnx_path.read_bytes() == whole[0].onnx_path.read_bytes()


def test_a_budget_too_short_for_fine_tuning_keeps_the_head(photos, tmp_path):
    recorded = _RecordingProgress()
    config = TrainConfig(model="builtin", finetune=True, image_size=(32, 32), minutes=0.2)
    run = train(photos, config, tmp_path / "run", recorded)
    assert isinstance(load_plan(run), HeadPlan)
    assert any("0.2 min leave no time for fine-tuning" in note for note in recorded.notes)
    assert Classifier.load(run).class_names == ("cats", "dogs")


def test_few_photos_keep_the_head_whatever_the_minutes(photos, tmp_path):
    recorded = _RecordingProgress()
    config = TrainConfig(image_size=(32, 32), minutes=30)
    run = train(photos, config, tmp_path / "run", recorded)
    assert isinstance(load_plan(run), HeadPlan)
    (note,) = (note for note in recorded.notes if "too few for fine-tuning" in note)
    assert note.startswith("43 training photos") and "--model builtin --finetune" in note
    assert run.load_config().settings.finetune == "auto"


def test_photos_too_small_for_the_shipped_network_are_learnt_from_scratch(photos):
    from pawsight.workflow.photo_sets import checked_model

    small = checked_model(TrainConfig(image_size=(16, 16)))
    assert (small.model, small.finetune) == ("swift", False)
