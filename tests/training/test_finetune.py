"""Fine-tuning: small networks that have learnt already, and a whole run on drawn photos."""

import dataclasses
import os
import re
import signal

import keras
import numpy as np
import pytest

from pawsight.config import AugmentConfig, TrainConfig
from pawsight.errors import ConfigError, StoppedError
from pawsight.history import Epoch, best_epoch, load_history
from pawsight.inference.classifier import Classifier
from pawsight.models.model_files import load_model
from pawsight.progress import Silent
from pawsight.runs import Run
from pawsight.training.candidates import average, describe_kept
from pawsight.training.finetune import freeze_normalization, pretrained_start
from pawsight.training.learner import Learner
from pawsight.training.photos import Subset
from pawsight.training.plan import HeadPlan, Stage, load_plan
from pawsight.training.precision import Precision
from pawsight.training.score import ValidationScore
from pawsight.training.step import last_variables
from pawsight.training.trainer import Trainer
from pawsight.training.warm_start import WarmStart
from pawsight.workflow import draw_sample, evaluate, resume, train

from .squares import Squares

pytestmark = pytest.mark.usefixtures("undrawn")


class _RecordingProgress(Silent):
    """All notes, and Ctrl-C after a number of steps."""

    def __init__(self, stop_after=None):
        self.notes, self._left = [], stop_after

    def note(self, text):
        self.notes.append(text)

    def advance(self, done, **facts):
        if self._left is not None and done and "loss" in facts:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGINT)


def _network(plan):
    """Two convolutions, each normalised, and a last layer: the same at each call."""
    keras.utils.set_random_seed(7)
    layers = [keras.layers.Rescaling(1 / 255)]
    for name in ("first", "second"):
        layers += [keras.layers.Conv2D(4, 3, strides=2, name=name)]
        layers += [keras.layers.BatchNormalization(name=f"{name}_normal")]
    layers += [keras.layers.Flatten(), keras.layers.Dense(2, name="logits")]
    model = keras.Sequential([keras.Input((16, 16, 3)), *layers])
    freeze_normalization(model)
    return model


def _row(accuracy):
    return Epoch(0, 0, 0.0, 0.0, 0.0, 0.5, 0.5, 0.7, accuracy, True)


def _trainer(plan, accuracy=0.5):
    photos = Squares(96, 16)
    train, validation = (Subset(i, photos.labels[i]) for i in np.split(np.arange(96), [64]))
    warm_start = WarmStart(_network, _row(accuracy), Precision("float32", "for a test"), 1.0)
    return Trainer(Learner(plan, photos, train, validation, warm_start), plan)


@pytest.fixture
def staged_plan(plan_of):
    """12 steps of 16 photos; in the first half the last third of three layers learns."""
    return plan_of(
        num_steps=12,
        image_size=(16, 16),
        num_train=64,
        num_validation=32,
        precision="float32",
        optimizer="adam",
        learning_rate=0.01,
        label_smoothing=0.0,
        batch_size=16,
        augment=AugmentConfig(horizontal_flip=True),
        stages=(
            Stage(until=0.5, image_size=(16, 16), share=1 / 3),
            Stage(until=1.0, image_size=(16, 16)),
        ),
    )


def _kernels(trainer):
    found = {one.name: one for one in trainer.learner.model.layers}
    return [found[name].kernel.numpy() for name in ("first", "second", "logits")]


def test_a_share_of_the_layers_is_counted_from_the_last_and_rounded_up():
    model = _network(None)
    names = [
        [one.path.partition("/")[2] for one in last_variables(model, share)]
        for share in (0.3, 1 / 3, 0.34, 0.5, 1)
    ]
    assert names[0] == names[1] == ["logits/kernel", "logits/bias"]
    assert names[2] == names[3] == ["second/kernel", "second/bias", *names[0]]
    assert names[4] == ["first/kernel", "first/bias", *names[2]]


def test_the_plan_reports_which_layers_learn_when(staged_plan):
    assert "; the last 33 % of its layers are trained, then all" in staged_plan.describe()


@pytest.mark.slow
def test_the_first_layers_learn_last_and_normalisation_never(tmp_path, staged_plan):
    trainer = _trainer(staged_plan)
    before = _kernels(trainer)
    still = trainer.learner.model.get_layer("first_normal").get_weights()
    with pytest.raises(StoppedError):
        trainer.fit(Run(tmp_path / "run"), _RecordingProgress(stop_after=6))
    is_same = [np.array_equal(*pair) for pair in zip(before, _kernels(trainer), strict=True)]
    assert is_same == [True, True, False]
    trainer.fit(Run(tmp_path / "run"), Silent())
    assert not any(np.array_equal(*pair) for pair in zip(before, _kernels(trainer), strict=True))
    for one, other in zip(
        still, trainer.learner.model.get_layer("first_normal").get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_stopped_in_the_first_stage_it_continues_to_the_same_bits(tmp_path, staged_plan):
    whole = _trainer(staged_plan)
    whole.fit(Run(tmp_path / "whole"), Silent())
    stopped = _trainer(staged_plan)
    with pytest.raises(StoppedError):
        stopped.fit(Run(tmp_path / "stopped"), _RecordingProgress(stop_after=5))
    resumed = _trainer(staged_plan)
    history = resumed.fit(Run(tmp_path / "stopped"), Silent())
    for one, other in zip(_kernels(whole), _kernels(resumed), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [row.step for row in history] == [0, 4, 8, 12, 12]
    assert [row.is_average for row in history] == [False] * 4 + [True]
    # Killed at the very end it scores the average again, and has one row of it.
    again = _trainer(staged_plan)
    assert again.fit(Run(tmp_path / "stopped"), Silent()) == [
        dataclasses.replace(row, seconds=again_row.seconds)
        for row, again_row in zip(
            history, load_history(Run(tmp_path / "stopped").history_path), strict=True
        )
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("num_right", "kept", "side", "words"),  # of 32 photos
    [
        ([30, 28, 24], (False, True), 8, "epoch 3 of 3, the best .* with images of 8 x 8 pixels"),
        ([20, 28, 30], (True, True), 8, "Keeping the average .* with images of 8 x 8 pixels"),
        ([20, 30, 28], (True, False), 16, "Keeping the average .* at full size"),
        ([20, 18, 16], (False, False), 16, "Keeping the network after epoch .* at full size"),
    ],
)
def test_model_takes_the_image_size_that_validates_best(
    num_right, kept, side, words, tmp_path, staged_plan, monkeypatch
):
    plan = staged_plan.model_copy(update={"finished_sizes": ((8, 8),)})
    trainer, measured = _trainer(plan), iter([24, 24, 24, *num_right])
    sides = []

    def measure(_, size):
        sides.append(size[0])
        return ValidationScore(0.5, np.array([next(measured) // 2] * 2), np.array([16, 16]))

    monkeypatch.setattr(trainer.learner.validator, "measure", measure)
    history = trainer.fit(Run(tmp_path / "run"), Silent())
    best = best_epoch(history)
    assert sides[-3:] == [8, 16, 8]
    assert (best.is_average, best.is_smaller) == kept
    assert best.image_size(plan.image_size) == (side, side)
    assert re.search(words, describe_kept(history, plan))


def test_weights_are_averaged_and_counters_are_not():
    initial = [np.array([1.0, 4.0], np.float32), np.array([3], np.uint32)]
    final = [np.array([2.0, -4.0], np.float32), np.array([8], np.uint32)]
    weights, counter = average(initial, final)
    assert weights.tolist() == [1.5, 0.0] and weights.dtype == np.float32
    assert counter.tolist() == [8] and counter.dtype == np.uint32


@pytest.mark.slow
@pytest.mark.parametrize("num_right", [20, 28])
def test_the_average_of_initial_and_final_weights_is_kept_where_it_is_the_best(
    num_right, tmp_path, staged_plan, monkeypatch
):
    trainer, recorded, seen = _trainer(staged_plan), _RecordingProgress(), []
    initial = _kernels(trainer)

    def measure(*_):
        seen.append(_kernels(trainer))
        right = num_right if len(seen) == 4 else 24  # of 32 photos, after three epochs
        return ValidationScore(0.5, np.array([right // 2] * 2), np.array([16, 16]))

    monkeypatch.setattr(trainer.learner.validator, "measure", measure)
    history = trainer.fit(Run(tmp_path / "run"), recorded)
    for start, end, mean in zip(initial, seen[2], seen[3], strict=True):
        np.testing.assert_allclose(mean, (start + end) / 2, atol=1e-7)
    kept = 4 if num_right == 28 else 1  # equal epochs: the first of them
    assert [row.is_best for row in history] == [at == kept for at in range(5)]
    for one, other in zip(_kernels(trainer), seen[kept - 1], strict=True):
        np.testing.assert_array_equal(one, other)
    assert recorded.notes[-1].startswith(
        "The average of the initial and the final weights: accuracy "
        f"{'87.5' if num_right == 28 else '62.5'} % in validation"
    )


@pytest.mark.slow
def test_what_scored_higher_before_the_first_step_is_kept(tmp_path, staged_plan):
    trainer = _trainer(staged_plan, accuracy=1.1)  # nothing can beat that
    before = _kernels(trainer)
    history = trainer.fit(Run(tmp_path / "run"), Silent())
    assert [row.is_best for row in history] == [True, False, False, False, False]
    for one, other in zip(before, _kernels(trainer), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return draw_sample(tmp_path_factory.mktemp("photos") / "pets", count=60)


def _small_mobilenet(input_shape, include_top, weights):
    """The first blocks of MobileNet, narrower: they are traced in a fraction of the time."""
    x = images = keras.Input(input_shape)
    for number, channels in enumerate((8, 16, 16)):
        x = keras.layers.DepthwiseConv2D(3, 2, "same", use_bias=False, name=f"dw_{number}")(x)
        x = keras.layers.ReLU(6.0)(keras.layers.BatchNormalization(name=f"dw_bn_{number}")(x))
        x = keras.layers.Conv2D(channels, 1, use_bias=False, name=f"pw_{number}")(x)
        x = keras.layers.ReLU(6.0)(keras.layers.BatchNormalization(name=f"pw_bn_{number}")(x))
    return keras.Model(images, x)


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """A small network in place of one of keras.applications, with weights drawn by lot."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.applications, "MobileNet", _small_mobilenet)
        keras.utils.set_random_seed(0)
        network = _small_mobilenet((32, 32, 3), include_top=False, weights=None)
        path = tmp_path_factory.mktemp("weights") / "mobilenet.weights.h5"
        network.save_weights(path)
        yield TrainConfig(
            model="mobilenet", weights=str(path), image_size=(32, 32), finetune=True, epochs=1
        )


@pytest.fixture(scope="module")
def whole(photos, config, tmp_path_factory):
    """A run that was never stopped, and its notes; nothing may change it."""
    recorded = _RecordingProgress()
    return train(photos, config, tmp_path_factory.mktemp("runs") / "whole", recorded), recorded


def test_a_network_that_cannot_be_fine_tuned_is_refused_before_a_folder_is_made(photos, tmp_path):
    with pytest.raises(ConfigError, match=r"(?s)trained anyway.*Leave --finetune out"):
        train(photos, TrainConfig(model="swift", finetune=True), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_fine_tuned_run_is_a_run_as_any_other_and_no_worse_than_its_last_layer(whole):
    run, recorded = whole
    assert run.is_complete
    history = load_history(run.history_path)
    assert [row.epoch for row in history] == [0, 1, 1]
    best = next(row for row in history if row.is_best)
    assert best.validation_accuracy >= history[0].validation_accuracy
    assert run.metrics["parts"]["validation"]["accuracy"] == pytest.approx(best.validation_accuracy)
    assert evaluate(run.path) == run.metrics
    assert any(note.startswith("Plan: mobilenet, ") for note in recorded.notes)
    plan = run.read_json(run.plan_path)
    assert plan["precision"] == "float32" and plan["head_strength"] > 0
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    np.testing.assert_allclose(
        load_model(run)(images.astype(np.float32)), Classifier.load(run).logits(images), atol=1e-3
    )


@pytest.mark.slow
def test_a_run_stopped_while_it_is_fine_tuned_is_resumed_to_the_same_bits(
    photos, config, whole, tmp_path
):
    with pytest.raises(StoppedError, match="pawsight resume"):
        train(photos, config, tmp_path / "stopped", _RecordingProgress(stop_after=2))
    resumed = resume(tmp_path / "stopped")
    assert resumed.is_complete
    for one, other in zip(load_model(whole[0]).weights, load_model(resumed).weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_too_short_a_budget_keeps_the_fitted_layer_and_reports_it(photos, config, tmp_path):
    recorded = _RecordingProgress()
    short = config.model_copy(update={"epochs": None, "minutes": 0.2})
    run = train(photos, short, tmp_path / "run", recorded)
    assert run.is_complete
    assert any("0.2 min leave no time for fine-tuning" in note for note in recorded.notes)
    assert isinstance(load_plan(run), HeadPlan)
    assert len(load_history(run.history_path)) == 1


@pytest.mark.slow
def test_a_target_that_the_fitted_layer_reaches_needs_no_fine_tuning(photos, config, tmp_path):
    recorded = _RecordingProgress()
    easy = config.model_copy(update={"target_accuracy": 0.01})
    train(photos, easy, tmp_path / "run", recorded)
    assert "Target of 1.0 % reached (lower 95 % bound) without fine-tuning." in recorded.notes


def test_a_network_with_weights_starts_with_what_is_known_of_it(monkeypatch):
    measured = Precision("bfloat16", "measured")
    as_set = Precision("float16", "as set")
    monkeypatch.setattr(
        "pawsight.training.precision.choose", lambda one: measured if one == "auto" else as_set
    )

    def start(name, *facts, precision="auto", **more):
        return pretrained_start(name, TrainConfig(precision=precision), None, *facts, **more)

    other = start("mobilenetv2", "key", _row(0.75), 0.1, 20)
    assert (other.weights, other.error, other.head_strength, other.num_head_photos) == (
        *("key", 0.25, 0.1, 20),
    )
    assert other.precision.name == "float32"
    assert start("mobilenetv2", None, precision="float16").precision == as_set
    builtin = start("builtin", None, error=0.5)
    assert (builtin.precision, builtin.error, builtin.weights) == (measured, 0.5, None)
    assert start("builtin", None, _row(0.9), error=0.5).error == pytest.approx(0.1)
    # A network with many layers takes longer to export; the shipped one gains more by bfloat16.
    assert other.finish_seconds > builtin.finish_seconds
    assert other.evaluation_slowdown < builtin.evaluation_slowdown
    assert (other.second_seconds, builtin.second_seconds) == (None, None)


def test_initial_weights_are_a_candidate_where_their_score_is_known(staged_plan):
    assert _trainer(staged_plan).learner.initial is not None
    photos = Squares(96, 16)
    part = Subset(np.arange(96), photos.labels)
    unknown = WarmStart(_network, None, Precision("float32", "for a test"), 1.0)
    assert Learner(staged_plan, photos, part, part, unknown).initial is None
