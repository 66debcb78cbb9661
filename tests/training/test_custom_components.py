"""The user's own optimizer, metrics and callbacks, called without a training."""

import keras
import pytest
from keras import callbacks, metrics, optimizers

from pawsight.errors import ConfigError, TrainingError
from pawsight.history import Epoch
from pawsight.training.custom_components import Callbacks, CustomComponents


class Recording(callbacks.Callback):
    """Keeps what it is called with; stops training after an epoch where it is told to."""

    def __init__(self, stops_after=None):
        super().__init__()
        self.calls, self._stops_after = [], stops_after

    def on_train_begin(self, logs=None):
        self.calls.append("train begins")

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(f"epoch {epoch} begins")

    def on_train_batch_begin(self, batch, logs=None):
        self.calls.append(f"batch {batch} begins")

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append((f"batch {batch}", logs))

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append((f"epoch {epoch}", logs))
        self.model.stop_training = epoch == self._stops_after

    def on_train_end(self, logs=None):
        self.calls.append("train ends")


@pytest.fixture
def model():
    images = keras.Input((4,))
    return keras.Model(images, keras.layers.Dense(2)(images))


def called(model, *given, own_metrics=()):
    optimizer = optimizers.SGD(0.1)
    return Callbacks(CustomComponents(metrics=own_metrics, callbacks=given), model, optimizer)


ROW = Epoch(1, 2, 3.0, 4.0, 0.05, 0.6, 0.7, 0.8, 0.9, True, own_metrics={"auc": 0.95})
LOGS = {
    "loss": 0.6,
    "accuracy": 0.7,
    "val_loss": 0.8,
    "val_accuracy": 0.9,
    "learning_rate": 0.05,
    "val_auc": 0.95,
}


@pytest.mark.parametrize("first", [0, 3])
def test_callbacks_are_called_as_keras_calls_them(model, first):
    recording = Recording()
    calls = called(model, recording)
    calls.begin(first)
    calls.after_step(1, 0.5)
    calls.after_step(2, 0.25)
    assert calls.after_epoch(ROW) is False
    calls.after_step(3, 0.125)
    calls.end()
    assert recording.calls == [
        *("train begins", f"epoch {first} begins", "batch 0 begins", ("batch 0", {"loss": 0.5})),
        *("batch 1 begins", ("batch 1", {"loss": 0.25}), (f"epoch {first}", LOGS)),
        *(f"epoch {first + 1} begins", "batch 2 begins", ("batch 2", {"loss": 0.125})),
        "train ends",
    ]


def test_an_epoch_that_was_begun_before_a_resume_begins_again(model):
    recording = Recording()
    calls = called(model, recording)
    calls.begin(0)
    calls.after_step(1, 0.5)
    calls.begin(0)
    calls.after_step(1, 0.5)
    assert recording.calls.count("epoch 0 begins") == 2


def test_a_callback_may_end_training_after_an_epoch(model):
    calls = called(model, Recording(stops_after=1))
    calls.begin(0)
    assert [calls.after_epoch(ROW) for _ in range(3)] == [False, True, False]


def test_callbacks_find_the_optimizer_and_none_means_no_call(model):
    called(model, Recording())
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1)
    calls = called(model)
    calls.begin(0)
    calls.after_step(1, 0.5)
    model.stop_training = True  # of an earlier training
    assert calls.after_epoch(ROW) is False


def test_a_callback_that_fails_is_named_with_its_method(model):
    class Failing(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyError("val_f1")

    calls = called(model, Failing())
    calls.begin(0)
    with pytest.raises(TrainingError, match=r"A callback failed in on_epoch_end: KeyError: .*f1"):
        calls.after_epoch(ROW)


@pytest.mark.parametrize(
    ("monitor", "given", "mode"),
    [
        ("val_accuracy", "auto", "max"),
        ("accuracy", "auto", "max"),
        ("val_auc", "auto", "max"),
        ("val_mean_squared_error", "auto", "min"),
        ("val_accuracy", "min", "min"),  # the user's choice
        ("val_loss", "auto", "auto"),  # Keras knows it
        ("val_mean", "auto", "auto"),  # neither more nor less is better
    ],
)
def test_whether_more_is_better_follows_from_the_metric(model, monitor, given, mode):
    one = callbacks.EarlyStopping(monitor=monitor, mode=given)
    own = (metrics.AUC(name="auc"), metrics.MeanSquaredError(), metrics.Mean(name="mean"))
    called(model, one, own_metrics=own)
    assert one.mode == mode


def test_without_components_nothing_is_checked():
    CustomComponents(workers=object()).check("no such network")


@pytest.mark.parametrize(
    ("given", "model", "message"),
    [
        ({"metrics": [metrics.AUC()]}, "auto", r"'auto' begins with a fitted head\.\nGive build="),
        ({"optimizer": "adam"}, "swift", r"optimizer takes objects of keras\.optimizers\.Optimi"),
        ({"metrics": ["auc"]}, "swift", r"metrics takes .*Metric, such as \[keras.*got 'auc'"),
        ({"metrics": metrics.AUC()}, "swift", "metrics takes objects"),  # not in a list
        ({"callbacks": [callbacks.CSVLogger("x"), 7]}, "swift", r"callbacks takes .* got 7\."),
        ({"callbacks": [metrics.AUC()]}, "colab", "callbacks takes objects"),
        (
            {"optimizer": optimizers.SGD(), "workers": object()},
            "swift",
            r"cannot be shared with worker processes\.\nLeave them out",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(given, model, message):
    with pytest.raises(ConfigError, match=message):
        CustomComponents(**given).check(model)


def test_objects_of_the_right_kinds_pass():
    given = CustomComponents(optimizers.SGD(), (metrics.AUC(),), [callbacks.CSVLogger("x")])
    given.check("swift")
    given.check("colab")
    assert given.new_optimizer() is not given.optimizer


def test_an_optimizer_is_made_anew_with_its_settings_and_no_state():
    optimizer = optimizers.SGD(0.25, momentum=0.5)
    optimizer.iterations.assign(7)
    given = CustomComponents(optimizer)
    again = given.new_optimizer()
    assert (type(again), float(again.learning_rate), again.momentum) == (optimizers.SGD, 0.25, 0.5)
    assert int(again.iterations) == 0
    fields = {"optimizer": "own", "learning_rate": 0.25, "schedule": "constant"}
    assert given.plan_of_optimizer() == fields
    assert CustomComponents().plan_of_optimizer() == {}
