"""A network, an optimizer, metrics and callbacks of the user's own, through a whole run."""

import importlib.util

import keras
import numpy as np
import pytest
from keras import layers
from typer.testing import CliRunner

from pawsight.class_weights import resolve_class_weights
from pawsight.cli.main import app
from pawsight.config import TrainConfig
from pawsight.errors import ConfigError, ModelError, RunError, StoppedError, TrainingError
from pawsight.history import load_history
from pawsight.inference.classifier import Classifier
from pawsight.models import custom_network
from pawsight.models.custom_outputs import as_logits
from pawsight.models.model_files import load_model
from pawsight.training.trainer import Trainer
from pawsight.workflow import draw_sample, export, feed, resume, train

pytestmark = pytest.mark.usefixtures("undrawn")

CONFIG = TrainConfig(image_size=32, epochs=2)
SOURCE = """
import keras
from keras import layers
from typer.testing import CliRunner

from pawsight.cli.main import app
def tiny(image_size, classes):
    return keras.Sequential([
        keras.Input((*image_size, 3)),
        layers.Rescaling(1 / 255),
        layers.Conv2D(8, 3, strides=2, activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(classes, activation="softmax"),
    ])
"""


def tiny(image_size, classes):
    images = keras.Input((*image_size, 3))
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(layers.Rescaling(1 / 255)(images))
    return keras.Model(images, layers.Dense(classes)(layers.GlobalAveragePooling2D()(x)))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return draw_sample(tmp_path_factory.mktemp("photos") / "pets", count=40)


class Seen(keras.callbacks.Callback):
    """Keeps the logs, and stops after the epochs it is told."""

    def __init__(self, most=99):
        super().__init__()
        self.logs, self.most, self.steps = [], most, 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(logs)
        self.model.stop_training = len(self.logs) >= self.most


@pytest.fixture(scope="module")
def whole(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    seen = Seen()
    run = train(
        photos,
        CONFIG,
        folder / "run",
        build=tiny,
        optimizer=keras.optimizers.SGD(
            keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5), momentum=0.9
        ),
        metrics=[keras.metrics.AUC(name="auc"), keras.metrics.SparseTopKCategoricalAccuracy(k=2)],
        callbacks=[
            seen,
            keras.callbacks.CSVLogger(folder / "log.csv"),
            keras.callbacks.ModelCheckpoint(
                folder / "best.keras", monitor="val_accuracy", save_best_only=True
            ),
            keras.callbacks.EarlyStopping(monitor="val_auc", patience=99),
            *_boards(folder),
        ],
        class_weights={"cats": 2.0},
    )
    return run, seen, folder


def _boards(folder):
    """TensorBoard, where it is installed."""
    is_there = importlib.util.find_spec("tensorboard") is not None
    return [keras.callbacks.TensorBoard(str(folder / "board"))] if is_there else []


def test_the_run_is_evaluated_exported_and_loaded_again_without_the_function(whole, monkeypatch):
    run, _, _ = whole
    monkeypatch.setattr(custom_network, "_registered", {})
    assert run.is_complete and run.report_path.is_file()
    assert run.metrics["parts"]["test"]["accuracy"] >= 0
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    logits = Classifier.load(run).logits(images)
    model = load_model(run)
    np.testing.assert_allclose(model(images.astype(np.float32)), logits, rtol=1e-3, atol=1e-3)
    exported = export(run, "keras")
    assert exported.agreement == 1


def test_callbacks_and_metrics_get_what_keras_gives_them(whole):
    run, seen, folder = whole
    history = load_history(run.history_path)
    assert [one["val_loss"] for one in seen.logs] == [row.validation_loss for row in history]
    assert [one["val_auc"] for one in seen.logs] == [row.own_metrics["auc"] for row in history]
    assert all(0 <= row.own_metrics["auc"] <= 1 for row in history)
    # Of two classes, the first two always have the right one.
    assert {row.own_metrics["sparse_top_k_categorical_accuracy"] for row in history} == {1.0}
    assert seen.steps == history[-1].step
    assert (folder / "best.keras").is_file()
    assert len((folder / "log.csv").read_text().splitlines()) == 1 + len(history)
    assert len(list(folder.rglob("events.out*"))) == 2 * len(_boards(folder))


class Failing(keras.metrics.Metric):
    def update_state(self, labels, probs, sample_weight=None):
        raise IndexError("no third class")


def test_a_metric_that_fails_is_named(photos, tmp_path):
    with pytest.raises(TrainingError, match="The metric odd failed: IndexError: no third"):
        train(photos, CONFIG, tmp_path / "run", build=tiny, metrics=[Failing(name="odd")])


def test_the_own_optimizer_keeps_its_schedule_and_classes_their_weights(whole):
    run, _, _ = whole
    plan = run.read_json(run.plan_path)
    assert plan["optimizer"] == "own" and plan["class_weights"] == [2.0, 1.0]
    last = load_history(run.history_path)[-1]
    assert last.learning_rate == pytest.approx(0.1 * 0.5 ** (last.step / 10), rel=1e-4)


@pytest.mark.slow
def test_a_callback_ends_training_and_a_stopped_run_wants_the_function_again(
    photos, tmp_path, recorded, monkeypatch
):
    with monkeypatch.context() as patch:

        def stop(self, step, run, progress):
            raise KeyboardInterrupt

        patch.setattr(Trainer, "_end_epoch", stop)
        parts = {"build": tiny, "optimizer": keras.optimizers.Adam(1e-3)}
        with pytest.raises(StoppedError):
            train(photos, CONFIG, tmp_path / "run", **parts)
    monkeypatch.setattr(custom_network, "_registered", {})
    with pytest.raises(ConfigError, match=r"your function .*tiny.*\n.*--build"):
        resume(tmp_path / "run")
    with pytest.raises(RunError, match="began with your own optimizer"):
        resume(tmp_path / "run", build=tiny)
    done = resume(tmp_path / "run", recorded, **parts, callbacks=[Seen(most=1)])
    assert len(load_history(done.history_path)) == 1
    assert any("A callback requests it; stopping early." in note for note in recorded.notes)


@pytest.mark.slow
def test_the_command_line_takes_a_function_of_a_file(photos, tmp_path, monkeypatch):
    (tmp_path / "nets.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(custom_network, "_registered", {})
    options = ["--build", "nets.py:tiny", "--image-size", "32", "--epochs", "1", "--out", "run"]
    done = CliRunner().invoke(app, ["train", str(photos), *options])
    assert done.exit_code == 0, done.output
    assert Classifier.load(tmp_path / "run").class_names == ("cats", "dogs")


def test_a_function_that_cannot_be_had_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken_nets.py").write_text("import does_not_exist")
    for build, message in (
        ("nets", "takes module:function"),
        ("gone.py:tiny", r"gone\.py cannot be imported: FileNotFoundError"),
        ("broken_nets:tiny", "cannot be imported: ModuleNotFoundError"),
        ("math:tiny", "math has no function 'tiny'"),
        ("math:pi", "math:pi is not a function"),
    ):
        with pytest.raises(ConfigError, match=message):
            custom_network.register(build)


def test_only_a_function_of_this_process_is_called(tmp_path):
    network = custom_network.FAMILY.find("own:os:system")
    with pytest.raises(ConfigError, match="does not call unless you pass it"):
        network.build(2, (32, 32))


@pytest.mark.parametrize("last", ["softmax", "layer", "activation", "sigmoid"])
def test_probabilities_at_the_end_become_their_logits(last):
    images = keras.Input((8, 8, 3))
    dense = layers.Dense(1 if last == "sigmoid" else 3, activation=None, name="dense")
    logits = dense(layers.Flatten()(images))
    if last in ("softmax", "sigmoid"):
        outputs = layers.Activation(last)(logits)
    else:
        outputs = layers.Softmax()(logits) if last == "layer" else keras.ops.copy(logits)
    expected = keras.Model(images, logits)
    if last == "activation":
        dense.activation = keras.activations.softmax
        outputs = logits
    found = as_logits(keras.Model(images, outputs), (8, 8), 2 if last == "sigmoid" else 3)
    dense.activation = keras.activations.linear
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(found(pixels), expected(pixels), rtol=1e-5)


def _flat(outputs, **options):
    images = keras.Input((8, 8, 3))
    return keras.Model(images, layers.Dense(outputs, **options)(layers.Flatten()(images)))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: 3, "returned int, not a keras.Model"),
        (lambda: _flat(4), r"shape \[N, 4\]; there are 3 classes"),
        (lambda: _flat(3, activation="relu"), "the activation 'relu'"),
        (lambda: _flat(3, activation="sigmoid"), "a sigmoid for each class"),
        (lambda: keras.Sequential([layers.Dense(3)]), "without a defined input"),
        (
            lambda: keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(3)]),
            r"images \[8, 8, 3\], not \[16, 16, 3\]",
        ),
        (
            lambda: keras.Sequential([_flat(3), layers.Lambda(keras.ops.softmax)]),
            "whose last layer computes probabilities",
        ),
    ],
)
def test_a_network_that_cannot_be_used_is_refused_with_what_is_expected(model, message):
    size = (16, 16) if "16" in message else (8, 8)
    with pytest.raises(ModelError, match=message):
        as_logits(model(), size, 3)


def test_a_function_that_fails_is_named():
    name = custom_network.register(lambda image_size, classes: 1 / 0)
    with pytest.raises(
        ModelError, match=r"failed with ZeroDivisionError.*\n.*The function receives"
    ):
        custom_network.FAMILY.find(name).build(2, (32, 32))


def test_mistakes_are_named_before_photos_are_read(photos):
    with pytest.raises(ConfigError, match="--build or --model, not both"):
        train(photos, model="swift", build=tiny)
    with pytest.raises(ConfigError, match=r"begins with a fitted head.*\n.*build="):
        train(photos, callbacks=[keras.callbacks.EarlyStopping()])
    with pytest.raises(ConfigError, match=r"objects of keras\.metrics\.Metric"):
        train(photos, model="swift", metrics=["accuracy"])
    one = keras.callbacks.EarlyStopping()
    with pytest.raises(ConfigError, match=r"callbacks takes objects .*\[keras\.callbacks"):
        train(photos, model="swift", callbacks=one)


def test_weights_of_classes_are_by_name():
    assert resolve_class_weights({"b": 3.0}, ("a", "b"), [5, 5]) == (1.0, 3.0)
    assert resolve_class_weights("auto", ("a", "b"), [5, 5]) is None
    assert resolve_class_weights("auto", ("a", "b"), [30, 10]) == pytest.approx((2 / 3, 2.0))
    with pytest.raises(ConfigError, match="the class 'c', which does not exist"):
        resolve_class_weights({"c": 1.0}, ("a", "b"), [5, 5])


def test_a_feed_knows_its_class_names(photos):
    assert feed(photos, image_size=32).class_names == ("cats", "dogs")
    assert feed(photos, "validation", image_size=32).class_names == ("cats", "dogs")
