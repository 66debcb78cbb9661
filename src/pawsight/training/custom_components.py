"""The user's own optimizer, metrics and callbacks in the training loop.

An epoch of the callbacks is what is between two validations, as in history.csv. Logs have the
names of Keras: loss, accuracy, val_loss, val_accuracy, and val_NAME of each metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pawsight.errors import ConfigError, TrainingError, first_line
from pawsight.history import Epoch
from pawsight.models.registry import find_network
from pawsight.tensorflow_setup import prepare_tensorflow
from pawsight.training.worker_group import WorkerGroup


@dataclass(frozen=True, slots=True, eq=False)
class CustomComponents:
    """What the user gives beside the settings."""

    # A keras.optimizers.Optimizer, which keeps its own learning rate or schedule; None takes that
    # of the recipe.
    optimizer: Any = None
    # keras.metrics.Metric objects, measured at each validation. Those whose class has "Sparse" in
    # its name get class indices [B], others one-hot labels [B, K]; with probabilities [B, K].
    metrics: Sequence[Any] = ()
    callbacks: Sequence[Any] = ()  # keras.callbacks.Callback objects
    # Processes that train the network together; None trains it in this one.
    workers: WorkerGroup | None = None

    def check(self, model: str) -> None:
        """Check the types, and that the network is trained in steps from the start.

        Raises:
            ConfigError: One is no object of its kind, or would not be used.
        """
        if self.optimizer is None and not self.metrics and not self.callbacks:
            return
        if find_network(model).has_weights:
            raise ConfigError(
                f"optimizer, metrics and callbacks are for networks that are trained in steps, and "
                f"'{model}' begins with a fitted head.\nGive build=, model=\"swift\" or "
                f'model="colab" with them.'
            )
        if self.workers is not None:
            raise ConfigError(
                "An optimizer, metrics and callbacks of your own live in one process.\n"
                "Leave them out, or train without workers."
            )
        prepare_tensorflow()
        import keras

        optimizers = () if self.optimizer is None else (self.optimizer,)
        wanted = (
            ("optimizer", optimizers, "optimizers", "Optimizer"),
            ("metrics", self.metrics, "metrics", "Metric"),
            ("callbacks", self.callbacks, "callbacks", "Callback"),
        )
        for name, objects, module, kind in wanted:
            for one in objects if isinstance(objects, list | tuple) else (objects,):
                is_of_kind = isinstance(one, getattr(getattr(keras, module), kind))
                if not is_of_kind or one is objects:
                    raise ConfigError(
                        f"{name} takes objects of keras.{module}.{kind}, such as "
                        f"{_EXAMPLES[name]}; got {one!r}."
                    )

    def new_optimizer(self) -> Any:
        """Return an optimizer with the settings of the given one and no state."""
        return type(self.optimizer).from_config(self.optimizer.get_config())

    def plan_of_optimizer(self) -> dict[str, Any]:
        """Return the fields of a plan for the given optimizer; none without one."""
        if self.optimizer is None:
            return {}
        rate = getattr(self.optimizer, "learning_rate", 0.0)
        return {"optimizer": "own", "learning_rate": float(rate), "schedule": "constant"}


_EXAMPLES = {
    "optimizer": "keras.optimizers.SGD(0.01, momentum=0.9)",
    "metrics": "[keras.metrics.AUC()]",
    "callbacks": "[keras.callbacks.EarlyStopping(patience=3)]",
}


class Callbacks:
    """Calls Keras callbacks from the training loop."""

    def __init__(self, parts: CustomComponents, model: Any, optimizer: Any) -> None:
        import keras

        self._model = model
        self._list = None
        if parts.callbacks:
            model.compile(optimizer=optimizer)  # callbacks look for the optimizer there
            model.stop_training = False
            for one in parts.callbacks:
                _set_mode(one, parts.metrics)
            self._list = keras.callbacks.CallbackList(list(parts.callbacks), model=model)

    def begin(self, number: int) -> None:
        """Begin training, or continue it before epoch `number`, counted from 0."""
        self._number, self._is_within = number, False
        self._call("on_train_begin")

    def after_step(self, step: int, loss: float) -> None:
        """Report a step, counted from 1."""
        if not self._is_within:
            self._is_within = True
            self._call("on_epoch_begin", self._number)
        self._call("on_train_batch_begin", step - 1)
        self._call("on_train_batch_end", step - 1, {"loss": loss})

    def after_epoch(self, row: Epoch) -> bool:
        """Report a validation; return whether a callback asks to stop."""
        logs = {
            "loss": row.train_loss,
            "accuracy": row.train_accuracy,
            "val_loss": row.validation_loss,
            "val_accuracy": row.validation_accuracy,
            "learning_rate": row.learning_rate,
            **{f"val_{name}": value for name, value in row.own_metrics.items()},
        }
        self._call("on_epoch_end", self._number, logs)
        self._number, self._is_within = self._number + 1, False
        return self._list is not None and bool(self._model.stop_training)

    def end(self) -> None:
        """End training; TensorBoard writes what is left."""
        self._call("on_train_end")

    def _call(self, name: str, *arguments: Any) -> None:
        if self._list is None:
            return
        try:
            getattr(self._list, name)(*arguments)
        except Exception as error:
            raise TrainingError(
                f"A callback failed in {name}: {type(error).__name__}: {first_line(error)}"
            ) from error


def _set_mode(callback: Any, metrics: Sequence[Any]) -> None:
    """Set whether a callback that monitors the accuracy or a metric waits for more or for less.

    Keras finds it among the metrics that its own `fit` measures, and refuses `mode="auto"` here.
    """
    directions = {one.name: getattr(one, "_direction", None) for one in metrics} | {
        "accuracy": "up"
    }
    monitored = str(getattr(callback, "monitor", "")).removeprefix("val_")
    mode = {"up": "max", "down": "min"}.get(directions.get(monitored) or "")
    if mode and getattr(callback, "mode", None) == "auto":
        callback.mode = mode
